import { execFileSync } from 'node:child_process';
import { root } from '../entries.mjs';

/** Builds the package, once for all tests of it. */
export default function setup(): void {
  execFileSync('npm', ['run', 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}
