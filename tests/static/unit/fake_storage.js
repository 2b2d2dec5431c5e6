/** As much of the browser's localStorage as the page uses: like there, its keys are the object's own. */
export class FakeStorage {
  getItem(key) {
    return Object.hasOwn(this, key) ? this[key] : null;
  }

  setItem(key, value) {
    this[key] = String(value);
  }

  removeItem(key) {
    delete this[key];
  }
}

/** Until the next call, the page's modules find an empty storage. */
export function freshStorage() {
  Object.defineProperty(globalThis, "localStorage", { value: new FakeStorage(), configurable: true });
}

/** A browser that has been told to keep nothing for anybody. */
export function forbiddenStorage() {
  const get = () => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  };
  Object.defineProperty(globalThis, "localStorage", { get, configurable: true });
}
