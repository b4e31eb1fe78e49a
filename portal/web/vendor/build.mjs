// Writes the browser libraries where pages and tests load them, from the versions of package-lock.json.
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const pages = new URL("../static/vendor/", import.meta.url);
const tests = new URL("../../../tests/portal/browser/vendor/", import.meta.url);
const packages = new URL("node_modules/", import.meta.url);
await mkdir(pages, { recursive: true });
await mkdir(tests, { recursive: true });

const copies = [
  ["htmx.org/dist/htmx.min.js", pages, "htmx.min.js"],
  ["htmx.org/LICENSE", pages, "htmx.LICENSE"],
  ["echarts/LICENSE", pages, "echarts.LICENSE"],
  ["echarts/NOTICE", pages, "echarts.NOTICE"],
  ["zrender/LICENSE", pages, "zrender.LICENSE"],
  ["axe-core/axe.min.js", tests, "axe.min.js"],
  ["axe-core/LICENSE", tests, "axe.LICENSE"],
];
for (const [from, folder, to] of copies) await copyFile(new URL(from, packages), new URL(to, folder));

await build({
  entryPoints: [new URL("echarts.js", import.meta.url).pathname],
  outfile: new URL("echarts.min.js", pages).pathname,
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "echarts",
  target: "es2020",
  legalComments: "inline",
  charset: "utf8",
});

const versionOf = async (name) => JSON.parse(await readFile(new URL(`${name}/package.json`, packages))).version;
const built = [];
for (const [folder, file, from] of [
  [pages, "htmx.min.js", ["htmx.org"]], [pages, "echarts.min.js", ["echarts", "zrender"]], [tests, "axe.min.js", ["axe-core"]],
]) {
  const bytes = await readFile(new URL(file, folder));
  const versions = Object.fromEntries(await Promise.all(from.map(async (name) => [name, await versionOf(name)])));
  built.push({ file, versions, sha256: createHash("sha256").update(bytes).digest("hex") });
  console.log(`${file}: ${bytes.length} bytes, ${gzipSync(bytes).length} compressed`);
}
await writeFile(new URL("built.json", import.meta.url), `${JSON.stringify(built, null, 1)}\n`);
