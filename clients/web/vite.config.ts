import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const server = process.env["THERAPYCONNECT_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "/",
  resolve: {
    alias: { "@therapyconnect/client": fileURLToPath(new URL("../typescript/src/index.ts", import.meta.url)) },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "dist",
    assetsDir: "assets",
    // Nothing is inlined: the page's policy allows no data: script or style.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ["chrome123", "edge123", "firefox125", "safari17.5"],
    sourcemap: false,
  },
  server: {
    proxy: {
      "/api": { target: server },
      "/_allauth": { target: server },
      // The server looks at Origin: here it is the one it serves itself.
      "/ws": { target: server, ws: true, headers: { origin: server } },
    },
  },
});
