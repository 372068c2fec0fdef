// Runs before the first paint: the chosen theme, or the system's.
(() => {
  let choice = 'system';
  try {
    choice = localStorage.getItem('tenfold-theme') ?? 'system';
  } catch {
    // storage is closed to this page; the system's theme is used
  }
  const dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
