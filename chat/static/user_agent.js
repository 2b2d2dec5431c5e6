// The first that fits: nearly all of them also name those they resemble.
const PROGRAMS = [
  [/\bEdgA?\//u, "Edge"],
  [/\bOPR\//u, "Opera"],
  [/\bSamsungBrowser\//u, "Samsung Internet"],
  [/\b(?:Firefox|FxiOS)\//u, "Firefox"],
  [/\b(?:Chrome|Chromium|HeadlessChrome|CriOS)\//u, "Chrome"],
  [/\bSafari\//u, "Safari"],
  [/^curl\//u, "curl"],
  [/^Python\b|aiohttp/u, "A Python program"],
];
const SYSTEMS = [
  [/\bAndroid\b/u, "Android"],
  [/\biPhone\b/u, "iPhone"],
  [/\biPad\b/u, "iPad"],
  [/\bWindows\b/u, "Windows"],
  [/\bMac OS X\b/u, "Mac"],
  [/\bCrOS\b/u, "Chromebook"],
  [/\bLinux\b/u, "Linux"],
];

/** "Firefox on Linux": enough to know one's own browsers by. */
export function shortly(userAgent) {
  const program = nameIn(PROGRAMS, userAgent);
  const system = nameIn(SYSTEMS, userAgent);
  if (!program) return system ? `A browser on ${system}` : "Another program";
  return system ? `${program} on ${system}` : program;
}

const nameIn = (known, userAgent) => known.find(([sign]) => sign.test(userAgent ?? ""))?.[1];
