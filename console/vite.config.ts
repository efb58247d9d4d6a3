import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const gateway = process.env.FLOWPORT_URL ?? 'http://127.0.0.1:8080';
const proxied = ['/api', '/v1', '/openapi.json'];

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    // Inside the gateway's package, so that built distributions contain the console.
    outDir: '../services/gateway/src/gateway/console_files',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      // The API reference and the chat page's Markdown renderer are separate bundles.
      input: { index: 'index.html', docs: 'docs.html', 'chat-markdown': 'src/chat/markdown.ts' },
      preserveEntrySignatures: 'exports-only',
    },
  },
  // The templates are in the folder of the command line, the help pages in docs.
  server: {
    fs: { allow: ['..'] },
    proxy: Object.fromEntries(proxied.map((path) => [path, { target: gateway, changeOrigin: false }])),
  },
  // The tests call pure functions: files can share a process and its loaded modules.
  test: { include: ['tests/**/*.test.ts'], testTimeout: 60_000, isolate: false },
});
