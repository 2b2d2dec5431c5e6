const NEAR_PX = 40;

/** Keeps a scrolled box at its end while its content grows, until the reader scrolls up. */
export class EndKeeper {
  atEnd = true;
  #box;
  #last = 0;

  constructor(box, { onScroll }) {
    this.#box = box;
    box.addEventListener("scroll", () => {
      this.#noticeReader();
      onScroll();
    });
    const growth = new ResizeObserver(() => this.atEnd && this.toEnd());
    for (const part of [box, ...box.children]) growth.observe(part);
  }

  toEnd() {
    this.atEnd = true;
    this.#scrollTo(this.#box.scrollHeight);
  }

  /** For what is put in above the reader: the same lines stay before their eyes. */
  keepPlace(change) {
    const fromEnd = this.#box.scrollHeight - this.#box.scrollTop;
    change();
    this.#scrollTo(this.#box.scrollHeight - fromEnd);
  }

  #scrollTo(top) {
    this.#box.scrollTop = top;
    this.#last = this.#box.scrollTop;
  }

  // The event comes late, when more may already have been added below: only going up means leaving the end.
  #noticeReader() {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    const near = scrollHeight - scrollTop - clientHeight <= NEAR_PX;
    if (near) this.atEnd = true;
    else if (scrollTop < this.#last) this.atEnd = false;
    this.#last = scrollTop;
  }
}
