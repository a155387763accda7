import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, type Ran } from '../child.ts';
import { root } from '../entries.mjs';

export interface InstalledPackage {
  /** A project that has the packed package installed, and nothing else of ours. */
  readonly project: string;
  /** The paths in the tarball. */
  readonly files: readonly string[];
  remove(): void;
}

/** Packs the package as `npm publish` would and installs the tarball into an empty project, without the network. */
export async function installPacked(): Promise<InstalledPackage> {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'kubepull-pack-')));
  const packed = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', project], root);
  const [tarball] = JSON.parse(packed.stdout) as { filename: string; files: { path: string }[] }[];
  if (tarball === undefined) throw new Error('npm pack made no tarball');
  writeFileSync(join(project, 'package.json'), JSON.stringify(projectManifest(tarball.filename)));
  await npm(['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts'], project);
  return {
    project,
    files: tarball.files.map(({ path }) => path),
    remove: () => rmSync(project, { recursive: true, force: true }),
  };
}

/** The dependencies come from the folders here, which are of the right versions already. */
function projectManifest(tarball: string): unknown {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: object;
    peerDependencies: object;
  };
  const linked = Object.keys({ ...dependencies, ...peerDependencies }).map((name) => [
    name,
    `file:${join(root, 'node_modules', name)}`,
  ]);
  return {
    private: true,
    type: 'module',
    dependencies: { ...Object.fromEntries(linked), kubepull: `file:${tarball}` },
  };
}

async function npm(args: readonly string[], cwd: string): Promise<Ran> {
  const ran = await run('npm', args, { cwd });
  if (ran.exitCode !== 0) throw new Error(`npm ${args[0]} failed:\n${ran.stderr}`);
  return ran;
}
