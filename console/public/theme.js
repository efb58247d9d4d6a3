// Runs before the first paint, so that the other theme never flashes.
document.documentElement.dataset.theme =
  localStorage.getItem('flowport.theme') ?? (matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark');
