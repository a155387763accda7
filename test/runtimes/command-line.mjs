// The program of the built package in every release of Node that the README names: text and JSON, standard input, faults.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../dist/bin/kubepull.js', import.meta.url));
const pod = JSON.stringify({ kind: 'Pod', spec: { containers: [{ name: 'web', image: 'nginx:1.27' }] } });

/** Each with its input, the exit code, and a text that standard output or standard error has. */
const CASES = [
  { args: ['--version'], stdin: '', code: 0, text: '0.1.0' },
  { args: ['explain', '-'], stdin: pod, code: 0, text: 'decision: pull, because absent' },
  { args: ['explain', '-', '--json'], stdin: pod, code: 0, text: '"runtimeImage": "nginx:1.27"' },
  { args: ['explain', '-', '--docker'], stdin: pod, code: 0, text: 'asked:' },
  {
    args: ['explain', '-'],
    stdin: 'kind: Pod\nspec: {containers: [{name: web, image: nginx}]}',
    code: 0,
    text: 'no-tag',
  },
  { args: ['explain', '-'], stdin: 'a: [', code: 2, text: 'is neither JSON nor YAML' },
  {
    args: ['lint', '-', '--fail-on', 'warning'],
    stdin: '{"kind":"Pod","spec":{"containers":[{"image":"a"}]}}',
    code: 1,
    text: 'IMAGE_TAG_IMPLIED',
  },
  { args: ['preflight', '-', '--offline'], stdin: pod, code: 0, text: 'no registry was asked' },
  {
    args: ['pull', '127.0.0.1:1/a', '--plain-http', '--quiet', '--archive', 'absent/a.tar'],
    stdin: '',
    code: 2,
    text: 'ENOENT',
  },
  { args: ['pin', 'Not/A/Name'], stdin: '', code: 1, text: 'invalid' },
  { args: ['schema', 'pull'], stdin: '', code: 0, text: '"$schema"' },
  { args: ['nothing'], stdin: '', code: 2, text: 'there is no command' },
];

/**
 * Runs the cases in one runtime.
 *
 * @param {{ name: string, program: string, args: readonly string[] }} runtime up to the name of the script
 * @returns {Promise<number>} how many went wrong, each of which is told
 */
export async function runCommandLine({ name, program: command, args }) {
  let wrong = 0;
  for (const { args: given, stdin, code, text } of CASES) {
    const child = spawn(command, [...args, program, ...given], { stdio: 'pipe', timeout: 180_000 });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.stdin.end(stdin);
    const [exitCode] = await once(child, 'close');
    if (exitCode === code && output.includes(text)) continue;
    wrong += 1;
    console.log(`  kubepull ${given.join(' ')}: ${exitCode}\n${output.slice(0, 400)}`);
  }
  console.log(`${wrong === 0 ? 'ok  ' : 'FAIL'} ${name}: ${CASES.length} command lines, ${wrong} differ`);
  return wrong;
}
