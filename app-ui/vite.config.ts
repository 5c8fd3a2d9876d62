// How the pages are built and tested: hashed files under /assets, no inline scripts, nothing from elsewhere.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // Icons live beside this folder.
  server: { fs: { allow: ['..'] } },
  test: {
    environment: 'jsdom',
    environmentOptions: { jsdom: { url: 'https://granary.localhost:6443/' } },
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    restoreMocks: true,
  },
});
