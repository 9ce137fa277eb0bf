/**
 * `bun run build` leaves the library of this machine in `native/`: setup has done that already when
 * this program starts. With `--all`, as `bun pm pack` asks for, it makes everything that the
 * package carries: the libraries of all six targets, checked, and `dist/`.
 *
 * The package carries bundled files and not the sources, because 35 modules took 13 ms to load,
 * and the same bundled 1 ms: more than a whole start to the first answer (9.7 ms with Bun.serve)
 * may differ.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { BunPlugin } from "bun";
import { buildClient } from "./client.ts";
import { libraryFaults } from "./library-check.ts";
import { hostLibrary, root, zigBuild } from "./setup.ts";

/**
 * The modules that users import, by `exports` in package.json, the binary, and the module that it
 * preloads into programs.
 */
const entries = [
  "index.ts",
  "middleware/index.ts",
  "openapi/index.ts",
  "testing/index.ts",
  "cli/index.ts",
  "cli/collect.ts",
];

const targets = [
  "darwin-arm64",
  "darwin-x64",
  "linux-arm64-gnu",
  "linux-arm64-musl",
  "linux-x64-gnu",
  "linux-x64-musl",
];

function buildLibraries(): void {
  zigBuild("all");
  const folders = readdirSync(join(root, "native")).sort();
  if (!Bun.deepEquals(folders, targets)) fail(`native/ holds ${folders.join(", ")}: remove it`);
  for (const target of targets) {
    const folder = join(root, "native", target);
    const files = readdirSync(folder);
    const [file] = files;
    if (!file || files.length !== 1) fail(`native/${target} holds ${files.length} files, not one`);
    const bytes = readFileSync(join(folder, file));
    for (const fault of libraryFaults(bytes)) fail(`native/${target}: ${fault}`);
    console.log(`native/${target}/${file}: ${Math.ceil(bytes.length / 1024)} KiB`);
  }
}

async function buildDist(): Promise<void> {
  const outdir = join(root, "dist");
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir);
  await Bun.build({
    entrypoints: entries.map((entry) => join(root, "src", entry)),
    root: join(root, "src"),
    outdir,
    target: "bun",
    // What two entries share is one module, or an error class would exist twice.
    splitting: true,
    // Loaded by `logger()` alone, and installed by those who use it.
    external: ["pino", "@opentelemetry/api"],
    plugins: [
      await builderInPlace(),
      pageFiles(outdir),
      clientBeside(),
      {
        // Libraries stay files beside the bundle, so that the user's own `bun build --compile`
        // embeds those of its target.
        name: "libraries",
        setup(builder) {
          builder.onResolve({ filter: /\.(so|dylib)$/ }, ({ path, resolveDir }) => ({
            path: relative(outdir, resolve(resolveDir, path)),
            external: true,
          }));
        },
      },
    ],
  });
  await buildClient(outdir);
  const types = Bun.spawnSync(
    [process.execPath, "node_modules/typescript/bin/tsc", "--project", "tsconfig.build.json"],
    { cwd: root, stdout: "inherit", stderr: "inherit" },
  );
  if (types.exitCode !== 0) fail("the declarations were not written: see the lines above");
  addTypeBoxTypes(outdir);
  console.log("dist: modules and their declarations");
}

/**
 * The declarations of TypeBox's builder beside those that name them: the package depends on no
 * other, in types as in code.
 */
function addTypeBoxTypes(outdir: string): void {
  const source = join(root, "node_modules/@sinclair/typebox/build/esm");
  const folder = join(outdir, "typebox");
  const isType = (path: string) => path.endsWith(".d.mts") || !/\.\w+$/.test(path);
  cpSync(join(source, "type"), join(folder, "type"), { recursive: true, filter: isType });
  cpSync(join(source, "index.d.mts"), join(folder, "index.d.mts"));
  for (const name of readdirSync(join(outdir, "schema"))) {
    const path = join(outdir, "schema", name);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replaceAll('"@sinclair/typebox"', '"../typebox/index.mjs"'));
  }
}

/**
 * The builder of schemas as one module of CommonJS, which the entry carries and evaluates when it
 * is first asked for: loaded at once it would be a quarter of the start. In a chunk of its own, the
 * bundler of the user's program would not find it behind the `require`.
 */
async function builderInPlace(): Promise<BunPlugin> {
  const { outputs } = await Bun.build({
    entrypoints: [join(root, "src/schema/typebox.ts")],
    target: "node",
    format: "cjs",
    minify: true,
  });
  const contents = await outputs[0]!.text();
  return {
    name: "builder",
    setup(builder) {
      builder.onLoad({ filter: /src\/schema\/typebox\.ts$/ }, () => ({ contents, loader: "js" }));
    },
  };
}

/**
 * The client of `chopin/testing` is that of `chopin/client`, which is bundled by itself: the errors
 * of both are of one class.
 */
function clientBeside(): BunPlugin {
  return {
    name: "client",
    setup(builder) {
      builder.onResolve({ filter: /\/client\/index\.ts$/ }, () => ({
        path: "../client/index.js",
        external: true,
      }));
    },
  };
}

/**
 * Swagger UI beside the bundle, compressed as it is sent: as it comes it would be a third of the
 * package. Its licence and those of what it is made of go with it.
 */
function pageFiles(outdir: string): BunPlugin {
  const source = join(root, "node_modules/swagger-ui-dist");
  const folder = join(outdir, "swagger-ui");
  const read = (name: string) => readFileSync(join(source, name));
  const licences = ["LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"];
  mkdirSync(folder);
  writeFileSync(join(folder, "LICENSE"), licences.map((name) => read(name)).join("\n"));
  for (const name of ["swagger-ui-bundle.js", "swagger-ui.css"]) {
    writeFileSync(join(folder, `${name}.gz`), Bun.gzipSync(read(name), { level: 9 }));
  }
  return {
    name: "page",
    setup(builder) {
      builder.onResolve({ filter: /^swagger-ui-dist\// }, ({ path }) => {
        const name = path.slice("swagger-ui-dist/".length);
        return { path: `./swagger-ui/${name === "LICENSE" ? name : `${name}.gz`}`, external: true };
      });
    },
  };
}

function fail(reason: string): never {
  console.error(`chopin: ${reason}`);
  process.exit(1);
}

if (process.argv[2] === "--all") {
  buildLibraries();
  await buildDist();
} else {
  console.log(relative(root, hostLibrary() ?? fail("no library in native/")));
}
