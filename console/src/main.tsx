import '@fontsource-variable/geist/wght.css';
import '@fontsource-variable/geist-mono/wght.css';
import './styles/tokens.css';
import './styles/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/app';
import { followSystemTheme } from './app/theme';
import { hasUnsavedDrafts } from './workflow/unsaved';

window.addEventListener('beforeunload', (event) => hasUnsavedDrafts() && event.preventDefault());
followSystemTheme();

const root = document.getElementById('root');
if (!root) throw new Error('the page has no #root');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
