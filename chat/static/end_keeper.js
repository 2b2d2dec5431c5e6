const NEAR_PX = 40;

/** Keeps a scrolled box at its end while its content grows, until the reader scrolls up; from then on, keeps the same
 *  lines before their eyes, whatever changes elsewhere.
 *
 *  `items` are the elements that stay; `isWhole` says whether the end of the box is the end of what there is. */
export class EndKeeper {
  #atEnd = true;
  #goingUp = false;
  #box;
  #items;
  #last = 0;
  #isWhole;
  #anchor = null;

  constructor(box, items, { isWhole, onScroll }) {
    this.#box = box;
    this.#items = items;
    this.#isWhole = isWhole;
    box.addEventListener("scroll", () => {
      this.#noticeReader();
      this.#dropAnchor();
      onScroll();
    }, { passive: true });
    const growth = new ResizeObserver(() => this.#hold());
    for (const part of [box, ...box.children]) growth.observe(part);
  }

  get atEnd() {
    return this.#atEnd && this.#isWhole();
  }

  /** The way that the reader went last. */
  get goingUp() {
    return this.#goingUp;
  }

  get aboveView() {
    return this.#box.scrollTop;
  }

  get belowView() {
    return this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight;
  }

  toEnd() {
    this.#atEnd = true;
    this.#goingUp = false;
    this.#scrollTo(this.#box.scrollHeight);
  }

  /** Runs a change to the items under which nothing moves before the reader's eyes. */
  keepPlace(change) {
    this.#dropAnchor();
    change();
    this.#hold();
  }

  #hold() {
    if (this.atEnd) return this.toEnd();
    const moved = this.#anchor?.item.isConnected ? bottomOf(this.#anchor.item) - this.#anchor.bottom : 0;
    if (moved) this.#scrollTo(this.#box.scrollTop + moved);
  }

  // In the middle, as both ends of the list come and go; by its lower edge, as lines come and go above its text.
  #dropAnchor() {
    const { top, height } = this.#box.getBoundingClientRect();
    const item = [...this.#items].find((candidate) => bottomOf(candidate) > top + height / 2) ?? this.#items[this.#items.length - 1];
    this.#anchor = item ? { item, bottom: bottomOf(item) } : null;
  }

  #scrollTo(top) {
    this.#box.scrollTop = top;
    this.#last = this.#box.scrollTop;
    if (!this.atEnd) this.#dropAnchor();
  }

  // The event comes late, when more may already have been added below: only going up means leaving the end.
  #noticeReader() {
    const { scrollTop } = this.#box;
    if (scrollTop !== this.#last) this.#goingUp = scrollTop < this.#last;
    if (this.belowView <= 1 || (!this.#goingUp && this.belowView <= NEAR_PX)) this.#atEnd = true;
    else if (this.#goingUp) this.#atEnd = false;
    this.#last = scrollTop;
  }
}

const bottomOf = (item) => item.getBoundingClientRect().bottom;
