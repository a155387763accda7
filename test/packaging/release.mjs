// The rehearsal of a release, `npm run release:dry`: whether tag, changelog and version agree, and what npm would publish. It
// publishes nothing and needs no account.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { root } from './entries.mjs';

/**
 * @typedef {object} Release
 * @property {string} version of package.json
 * @property {readonly string[]} locked the versions of this package in package-lock.json
 * @property {string} changelog
 * @property {readonly string[]} tags all tags of the repository
 * @property {readonly string[]} here the tags of this commit; without one this is a rehearsal, and the date may be missing
 */

/**
 * @param {Release} release
 * @returns {string[]} what has to be put right first
 */
export function releaseFaults({ version, locked, changelog, tags, here }) {
  const faults = [];
  const tag = `v${version}`;
  if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/.test(version))
    faults.push(`package.json: ${version} is no version; write MAJOR.MINOR.PATCH`);
  for (const other of new Set(locked))
    if (other !== version)
      faults.push(`package-lock.json: it has ${other}, package.json has ${version}; run npm install`);
  const [, section, date] = /^## \[([^\]]+)\] - (.*)$/m.exec(changelog) ?? [];
  if (section !== version)
    faults.push(`CHANGELOG.md: its newest section is ${section ?? 'none'}; begin one for ${version}`);
  else if (date !== 'Unreleased' && !/^\d{4}-\d{2}-\d{2}$/.test(date ?? ''))
    faults.push(`CHANGELOG.md: the section of ${version} has the date ${date}; write YYYY-MM-DD`);
  else if (date === 'Unreleased' && here.includes(tag))
    faults.push(
      `CHANGELOG.md: ${version} is tagged and its section says Unreleased; write the date, and tag that commit`,
    );
  const versions = here.filter((name) => /^v\d/.test(name));
  if (versions.length > 0 && !versions.includes(tag))
    faults.push(`The tag of this commit is ${versions.join(', ')}, and package.json has ${version}; tag it ${tag}`);
  if (tags.includes(tag) && !here.includes(tag))
    faults.push(`${tag} is the tag of another commit; raise the version in package.json`);
  return faults;
}

/**
 * @param {{ exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>, bin: Readonly<Record<string, string>> }} manifest
 * @param {readonly string[]} files of the tarball
 * @returns {string[]} what package.json names and the tarball lacks
 */
export function missingFiles(manifest, files) {
  const named = [
    ...Object.values(manifest.exports).flatMap((to) => (typeof to === 'string' ? to : Object.values(to))),
    ...Object.values(manifest.bin),
  ].map((path) => path.replace(/^\.\//, ''));
  return [...new Set([...named, 'README.md', 'LICENSE', 'CHANGELOG.md'])].filter((path) => !files.includes(path));
}

/** @param {string} name */
const readText = (name) => readFileSync(join(root, name), 'utf8');

/** @param {readonly string[]} args */
function listTags(args) {
  try {
    const text = execFileSync('git', ['tag', ...args], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.split('\n').filter((line) => line !== '');
  } catch {
    return []; // sources without their history have no tags
  }
}

function rehearse() {
  const manifest = JSON.parse(readText('package.json'));
  const lock = JSON.parse(readText('package-lock.json'));
  const { version } = manifest;
  const faults = releaseFaults({
    version,
    locked: [lock.version, lock.packages[''].version],
    changelog: readText('CHANGELOG.md'),
    tags: listTags([]),
    here: listTags(['--points-at', 'HEAD']),
  });
  // A pre-release does not become what `npm install kubepull` takes. Only a build that can sign has provenance.
  const args = ['publish', '--dry-run', '--json', '--ignore-scripts', '--provenance=false'];
  args.push('--tag', version.includes('-') ? 'next' : 'latest');
  const printed = JSON.parse(
    execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const packed = 'files' in printed ? printed : printed[manifest.name];
  /** @type {string[]} */
  const files = packed.files.map((/** @type {{ path: string }} */ { path }) => path);
  const missing = missingFiles(manifest, files);
  if (missing.length > 0) faults.push(`The tarball lacks ${missing.join(', ')}; run npm run build`);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) return 1;
  console.log(
    `${packed.id}: ${files.length} files, ${Math.ceil(packed.size / 1024)} KiB packed; nothing was published`,
  );
  return 0;
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) process.exitCode = rehearse();
