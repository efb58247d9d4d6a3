import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import 'swagger-ui-dist/swagger-ui.css';
import './docs.css';

// public/theme.js has set the theme of the console.
document.documentElement.classList.toggle('dark-mode', document.documentElement.dataset.theme === 'dark');

interface Toolbox {
  fn: { resolveSubtree: (document: object, ...rest: unknown[]) => Promise<unknown> };
}

/** Resolves the references of what is shown. For OpenAPI 3.1, Swagger's client resolves the whole document first: 5 s. */
const ResolveWhatIsShown = {
  afterLoad(this: Toolbox) {
    const resolve = this.fn.resolveSubtree;
    this.fn.resolveSubtree = (document, ...rest) => resolve({ ...document, openapi: '3.0.3' }, ...rest);
  },
};

SwaggerUI({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  docExpansion: 'none',
  filter: true,
  plugins: [ResolveWhatIsShown],
  validatorUrl: null, // the default is a public service of Swagger
});
