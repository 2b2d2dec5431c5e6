/** Calls back when a day begins: what is called "Today" on the page was yesterday then. */
export function onNextDay(act) {
  const now = new Date();
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
  setTimeout(() => {
    act();
    onNextDay(act);
  }, midnight - now);
}
