// Either fenced code, code in back-ticks, or an address; everything between is plain. Each part is found in one pass.
// No address goes on beyond a character that turns writing around: it would read as another one.
const PARTS = /```(?:[a-z0-9+#-]{0,20}\n)?([^`]+(?:`{1,2}[^`]+)*)```\n?|`([^`\n]+)`|(https?:\/\/[^\s<>"`\p{Bidi_C}\p{Cc}]+)/giu;
const ENDS_SENTENCE = /[.,:;!?'*_~…’”»›。，、！？；：]/u;
const CLOSING = { ")": "(", "]": "[", "}": "{", "）": "（", "」": "「", "』": "『", "】": "【", "》": "《" };

/** Splits a message into `{kind, text, length}`: "text", "code" (within a line), "block" (code of its own) or "link".
 *  `length` is what the part takes up in the message, with its back-ticks. */
export function parseText(message) {
  const parts = [];
  let end = 0;
  const addText = (text) => text && parts.push({ kind: "text", text, length: text.length });
  for (const match of message.matchAll(PARTS)) {
    const part = partOf(match);
    if (!part) continue;
    addText(message.slice(end, match.index));
    parts.push(part);
    end = match.index + part.length;
  }
  addText(message.slice(end));
  return parts;
}

function partOf([whole, block, code, address]) {
  if (address !== undefined) return linkOf(withoutTail(address));
  if (!(block ?? code).trim()) return null; // nobody would see it
  if (code !== undefined) return { kind: "code", text: code, length: whole.length };
  return { kind: "block", text: block.replace(/\n$/, ""), length: whole.length };
}

function linkOf(address) {
  return isAddress(address) ? { kind: "link", text: address, length: address.length } : null;
}

/** The end of a sentence is not part of the address in it, nor is a bracket that was opened before it. */
function withoutTail(address) {
  const open = bracketsIn(address);
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1];
    if (CLOSING[last] && open[last] < 0) open[last] += 1;
    else if (!ENDS_SENTENCE.test(last)) break;
  }
  return address.slice(0, end);
}

/** How many of each kind were opened in the address and not closed; below zero when more were closed. */
function bracketsIn(address) {
  const open = {};
  for (const [closing, opening] of Object.entries(CLOSING)) {
    open[closing] = address.split(opening).length - address.split(closing).length;
  }
  return open;
}

function isAddress(text) {
  try {
    return Boolean(new URL(text).hostname);
  } catch {
    return false;
  }
}
