const NOTES_HZ = [660, 880];
const NOTE_SECONDS = 0.12;
const LOUDNESS = 0.06;

let context;

/** Two soft notes. A browser plays nothing before the person has touched the page. */
export async function playSound() {
  // Until then it would only wait, and play all at once later.
  if (navigator.userActivation?.hasBeenActive === false) return;
  try {
    context ??= new AudioContext();
    await context.resume();
    NOTES_HZ.forEach((pitch, place) => playNote(pitch, context.currentTime + place * NOTE_SECONDS));
  } catch {
    return; // no sound device: the page is none the worse
  }
}

function playNote(pitch, start) {
  const oscillator = new OscillatorNode(context, { frequency: pitch });
  const loudness = new GainNode(context, { gain: 0 });
  loudness.gain.setValueAtTime(0, start);
  loudness.gain.linearRampToValueAtTime(LOUDNESS, start + 0.02);
  loudness.gain.linearRampToValueAtTime(0, start + 2 * NOTE_SECONDS);
  oscillator.connect(loudness).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(start + 2 * NOTE_SECONDS);
}
