import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import 'swagger-ui-dist/swagger-ui.css';
import './docs.css';

// public/theme.js has set the theme of the console.
document.documentElement.classList.toggle('dark-mode', document.documentElement.dataset.theme === 'dark');

SwaggerUI({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  docExpansion: 'none',
  filter: true,
  validatorUrl: null, // the default is a public service of Swagger
});
