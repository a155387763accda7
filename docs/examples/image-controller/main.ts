// A small controller that brings the images of one node's pods, and says so in Events. See docs/guides/controller.md.
import { isImageError } from 'kubepull';
import { HELP, parseOptions, UsageError } from './arguments.js';
import { describeError, loadKubeConfig } from './kube-api.js';
import { runController } from './controller.js';

/** Kubernetes kills what has not ended 30 seconds after its SIGTERM. */
const GRACE_MS = 20_000;

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(HELP);
    return;
  }
  await runController({ ...options, kubeConfig: loadKubeConfig(options.kubeconfig) }, stopSignal());
}

/** Aborts on SIGTERM or SIGINT; a second one ends the process at once, as it would without us. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      stop.abort(new Error(`Stopped by ${name}`));
      setTimeout(() => process.exit(1), GRACE_MS).unref();
    });
  }
  return stop.signal;
}

main().catch((error: unknown) => {
  const usage = error instanceof UsageError;
  const known = usage || isImageError(error);
  console.error(known ? `${error.message}${usage ? ' (see --help)' : ''}` : describeError(error));
  process.exitCode = usage ? 2 : 1;
});
