// Runs before the first paint, or a chosen theme would flash the other one; so it is no module.
try {
  const theme = localStorage.getItem("chat.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // A browser may forbid the storage; then the system's theme holds.
}
