// The rehearsal of a publication on JSR, a part of `npm run release:dry`: writes the manifest, made from package.json, beside a
// copy of the sources in a temporary folder, and lets Deno go through the publication. It publishes nothing. Deno looks at the
// registry of npm for the dependencies, and never at jsr.io.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { listEntries, root, sourceOf } from './entries.mjs';

const COPIED = ['src', 'README.md', 'LICENSE', 'CHANGELOG.md'];
/** What a publication has to say at its end. */
const PASSED = /Dry run complete|Success/u;

/**
 * The manifest for JSR. Its exports are sources, because JSR compiles them itself.
 *
 * @param {{ version: string, license: string, dependencies: Readonly<Record<string, string>>, peerDependencies: Readonly<Record<string, string>> }} manifest
 * @param {readonly string[]} entries
 */
export function jsrManifestOf(manifest, entries) {
  const { version, license, dependencies, peerDependencies } = manifest;
  const packages = Object.entries({ ...dependencies, ...peerDependencies });
  return {
    name: '@kubepull/kubepull',
    version,
    license,
    exports: Object.fromEntries(
      entries.map((entry) => [entry === 'index' ? '.' : `./${entry}`, `./${sourceOf(entry)}`]),
    ),
    imports: Object.fromEntries(packages.map(([name, range]) => [name, `npm:${name}@${range}`])),
    publish: { include: COPIED },
  };
}

function rehearse() {
  const folder = mkdtempSync(join(tmpdir(), 'kubepull-jsr-'));
  try {
    for (const name of COPIED) cpSync(join(root, name), join(folder, name), { recursive: true });
    const manifest = jsrManifestOf(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')), listEntries());
    writeFileSync(join(folder, 'deno.json'), JSON.stringify(manifest, null, 2));
    // The sources name each other as the built files are named (`./a.js`), which Deno finds and rewrites when it is told to. The
    // types are checked by tsc, against the oldest supported Node; Deno's own check reads the newest.
    const args = ['--yes', '--package', 'deno', 'deno', 'publish', '--dry-run', '--allow-dirty', '--no-check'];
    const printed = execFileSync('sh', ['-c', `npx ${args.join(' ')} --unstable-sloppy-imports 2>&1`], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    if (!PASSED.test(printed)) throw new Error(printed);
    const files = printed.match(/^ {3}file:/gmu)?.length ?? 0;
    console.log(
      `${manifest.name}@${manifest.version} on JSR: ${Object.keys(manifest.exports).length} exports, ${files} files; nothing was published`,
    );
    return 0;
  } catch (error) {
    const { stdout, message } = /** @type {Error & { stdout?: string }} */ (error);
    console.error(stdout || message);
    return 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) process.exitCode = rehearse();
