import { createHash } from 'node:crypto';

/** What a twin is told of an image string; nothing here is computed by the library. */
export interface TwinImage {
  readonly image: string;
  /** As the runtime gets it; `undefined` for a name that is none, with kubelet's text in `fault`. */
  readonly spec: string | undefined;
  /** Without tag and digest. */
  readonly repository: string;
  readonly fault?: string;
}

export interface TwinSecret {
  readonly uid: string;
  readonly name: string;
  readonly username: string;
  readonly password: string;
  readonly malformed: boolean;
}

export interface TwinSettings {
  readonly gate: boolean;
  readonly policy: 'NeverVerify' | 'NeverVerifyPreloadedImages' | 'NeverVerifyAllowlistedImages' | 'AlwaysVerify';
  /** Names without tag and digest. */
  readonly allowlist: readonly string[];
  readonly qps: number;
  readonly burst: number;
}

/** The surroundings: the same script for the twin and for the fake runtime. */
export interface World {
  now: number;
  /** By spec image: what the runtime has. */
  readonly present: Map<string, { readonly id: string; readonly size: number }>;
  /** By spec image: why its status fails. */
  readonly statusFaults: Map<string, string>;
  /** By spec image: why a pull fails, by user; who is not named is let in. */
  readonly pullFaults: Map<string, ReadonlyMap<string, string>>;
  /** How long each PullImage takes. */
  pullMs: number;
  idOf(spec: string): string;
}

export interface TwinSync {
  readonly uid: string;
  readonly image: TwinImage;
  readonly pullPolicy: string;
  readonly secrets: readonly TwinSecret[];
  /** Whether the node has a credential for the private registry. */
  readonly serviceAccount: string;
}

interface Entry {
  readonly secrets: Map<string, string>;
  readonly accounts: Set<string>;
  node: boolean;
}

/**
 * Kubelet's algorithm once more, in plain loops and without any of the library: sections 2 to 10 of the pull flow, the
 * decision of the pull policy, and the back-off.
 */
export function createTwin(settings: TwinSettings, world: World) {
  const calls: string[] = [];
  const events: string[] = [];
  const failures = new Map<string, { delay: number; at: number; text: string }>();
  const records = new Map<string, Map<string, Entry>>();
  const burst = settings.burst === 0 ? 10 : settings.burst;
  let tokens = burst;
  let filledAt = world.now;

  const status = (spec: string) => {
    calls.push(`ImageStatus(${spec})`);
    const fault = world.statusFaults.get(spec);
    if (fault !== undefined) return { fault };
    const found = world.present.get(spec);
    if (found === undefined) return { id: '', size: 0 };
    if (found.id === '' || found.size === 0) return { fault: `Id or size of image "${spec}" is not set` };
    return found;
  };

  const pullImage = (spec: string, user: string): { id: string } | { fault: string } => {
    calls.push(`PullImage(${spec}, ${user})`);
    world.now += world.pullMs;
    const fault = world.pullFaults.get(spec)?.get(user);
    if (fault === '<empty>') return { fault: `imageRef of image "${spec}" is not set` };
    if (fault !== undefined) return { fault };
    const id = world.idOf(spec);
    world.present.set(spec, { id, size: 7 });
    return { id };
  };

  const takeToken = () => {
    if (settings.qps === 0) return true;
    tokens = Math.min(burst, tokens + ((world.now - filledAt) / 1000) * settings.qps);
    filledAt = world.now;
    if (tokens < 1 - 1e-9) return false;
    tokens -= 1;
    return true;
  };

  const lookUp = (sync: TwinSync) => {
    if (sync.secrets.some(({ malformed }) => malformed)) return undefined;
    if (!sync.image.repository.startsWith('private.example/')) return [];
    const found: { user: string; hash: string; secret?: string; account?: string }[] = [];
    for (const { uid, name, username, password } of sync.secrets) {
      const hash = createHash('sha256').update(JSON.stringify({ username, password })).digest('hex');
      found.push({ user: username, hash, secret: `ns/${name}/${uid}` });
    }
    if (sync.serviceAccount === 'node') found.push({ user: 'node', hash: '' });
    else if (sync.serviceAccount !== '') found.push({ user: 'token', hash: '', account: sync.serviceAccount });
    return found;
  };

  const mustPull = (sync: TwinSync, id: string): boolean | 'malformed' => {
    const record = records.get(id);
    if (settings.policy === 'NeverVerify') return false;
    if (settings.policy === 'NeverVerifyPreloadedImages' && record === undefined) return false;
    if (settings.policy === 'NeverVerifyAllowlistedImages' && settings.allowlist.includes(sync.image.repository)) {
      return false;
    }
    const entry = record?.get(sync.image.repository);
    if (entry === undefined) return true;
    if (entry.node) return false;
    if (entry.secrets.size === 0 && entry.accounts.size === 0) return true;
    const found = lookUp(sync);
    if (found === undefined) return 'malformed';
    for (const { hash, secret } of found) {
      if (secret === undefined) continue;
      for (const [known, knownHash] of entry.secrets) {
        if (hash === knownHash) {
          entry.secrets.set(secret, hash);
          return false;
        }
        if (secret === known) {
          entry.secrets.set(secret, hash);
          return false;
        }
      }
    }
    return !found.some(({ account }) => account !== undefined && entry.accounts.has(account));
  };

  const record = (
    repository: string,
    id: string,
    used: { hash: string; secret?: string; account?: string } | undefined,
  ) => {
    const byRepository = records.get(id) ?? new Map<string, Entry>();
    records.set(id, byRepository);
    const entry = byRepository.get(repository) ?? { secrets: new Map(), accounts: new Set(), node: false };
    byRepository.set(repository, entry);
    if (entry.node) return;
    if (used?.secret !== undefined) entry.secrets.set(used.secret, used.hash);
    else if (used?.account !== undefined) entry.accounts.add(used.account);
    else {
      entry.node = true;
      entry.secrets.clear();
      entry.accounts.clear();
    }
  };

  const sync = (request: TwinSync): string => {
    const { image, uid, pullPolicy } = request;
    const { spec } = image;
    const fail = (reason: string, message: string, retryMs = 0) => {
      events.push(`Warning Failed Error: ${reason}`);
      return `${reason} | ${message} | ${retryMs}`;
    };
    const malformed = 'unexpected end of JSON input';
    if (spec === undefined) {
      const text = `Failed to apply default image tag "${image.image}": ${image.fault}`;
      events.push(`Warning InspectFailed ${text}`);
      return fail('InvalidImageName', text);
    }
    if (pullPolicy === 'IfNotPresent' || pullPolicy === 'Never') {
      const found = status(spec);
      if ('fault' in found) {
        const text = `Failed to inspect image "": ${found.fault}`;
        events.push(`Warning InspectFailed ${text}`);
        return fail('ImageInspectError', text);
      }
      let usable = found.id !== '';
      if (usable && settings.gate) {
        const must = mustPull(request, found.id);
        if (must === 'malformed') return fail(malformed, malformed);
        usable = !must;
      }
      if (usable) {
        const text = `Container image "${image.image}" already present on machine${settings.gate ? ' and can be accessed by the pod' : ''}`;
        events.push(`Normal Pulled ${text}`);
        return `present ${found.id} | ${text}`;
      }
      if (pullPolicy === 'Never') {
        const text = `Container image "${image.image}" is not present with pull policy of Never`;
        events.push(`Warning ErrImageNeverPull ${text}`);
        return fail('ErrImageNeverPull', text);
      }
    }
    const found = lookUp(request);
    if (found === undefined) return fail(malformed, malformed);
    const key = `${uid}_${image.image}`;
    const failure = failures.get(key);
    const age = failure === undefined ? 0 : world.now - failure.at;
    if (failure !== undefined && age <= 600_000 && age < failure.delay) {
      const text = `Back-off pulling image "${image.image}"`;
      events.push(`Normal BackOff ${text}`);
      return fail('ImagePullBackOff', `${text}: ${failure.text}`, failure.delay - age);
    }
    events.push(`Normal Pulling Pulling image "${image.image}"`);
    const start = world.now;
    const texts: string[] = [];
    let id = '';
    let used: (typeof found)[number] | undefined;
    if (takeToken()) {
      for (const one of found.length === 0 ? [undefined] : found) {
        const outcome = pullImage(spec, one?.user ?? 'nobody');
        if ('id' in outcome) {
          id = outcome.id;
          used = one;
          break;
        }
        if (!texts.includes(outcome.fault)) texts.push(outcome.fault);
      }
    } else texts.push('pull QPS exceeded');
    if (id !== '') {
      const size = status(spec);
      const took = goText(world.now - start);
      const bytes = 'fault' in size ? 0 : size.size;
      events.push(
        `Normal Pulled Successfully pulled image "${image.image}" in ${took} (${took} including waiting). Image size: ${bytes} bytes.`,
      );
      if (settings.gate) record(image.repository, id, used);
      return `pulled ${id}`;
    }
    const text = texts.length === 1 ? `${texts[0]}` : `[${texts.join(', ')}]`;
    events.push(`Warning Failed Failed to pull image "${image.image}": ${text}`);
    const expired = failure === undefined || age + (world.now - start) > 600_000;
    const delay = expired ? 10_000 : Math.min(2 * failure.delay, 300_000);
    let [reason, message] = ['ErrImagePull', text];
    for (const [word, why] of [
      ['RegistryUnavailable', 'the registry is unavailable'],
      ['SignatureValidationFailed', 'the signature validation failed'],
    ] as const) {
      if (text.startsWith(word)) {
        [reason, message] = [word, `image pull failed for ${image.image} because ${why}${text.slice(word.length)}`];
      }
    }
    failures.set(key, { delay, at: world.now, text: `${reason}: ${message}` });
    return fail(reason, message, delay);
  };
  return { calls, events, sync };
}

function goText(ms: number): string {
  if (ms === 0) return '0s';
  if (ms < 1000) return `${ms}ms`;
  const [minutes, seconds] = [Math.floor(ms / 60_000), (ms % 60_000) / 1000];
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}
