import { ImageError } from '../errors/index.js';
import { decodeUtf8, quote } from '../internal/index.js';
import type { Platform } from '../oci/index.js';
import {
  checkPlatformOptions,
  type Cpu,
  makePlatform,
  normalizeCpu,
  normalizeOs,
  type PlatformOptions,
} from './normalize.js';

const COMPONENT = /^[A-Za-z0-9_.-]+$/;
const OS = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$/;
const MAX_LENGTH = 1024;

interface OsPart {
  readonly os: string;
  readonly version: string;
  readonly features: readonly string[];
}

/**
 * Parses a platform specifier: `os`, `architecture`, `os/architecture` or `os/architecture/variant`.
 *
 * The operating system may carry a version and features in parentheses, `windows(10.0.17763+win32k)/amd64`, with `%XX`
 * for other characters. Names are brought into normal form; unknown ones are fine as long as both are given. A variant
 * that is written out is kept where {@link normalizePlatform} would drop it (`arm64/v8`).
 *
 * @param specifier - such as `linux/arm64`
 * @param options - the host that fills in what is left out
 * @returns the platform
 * @throws {@link ImageError} `ERR_PLATFORM_INVALID` for anything else, wildcards included
 * @example
 * ```ts
 * import { parsePlatform } from 'kubepull/platform';
 *
 * parsePlatform('linux/arm64/v8'); // { os: 'linux', architecture: 'arm64', variant: 'v8' }
 * parsePlatform('arm64'); // { os: 'linux', architecture: 'arm64' }
 * ```
 * @see Parse in github.com/containerd/platforms
 * @public
 */
export function parsePlatform(specifier: string, options: PlatformOptions = {}): Platform {
  if (typeof specifier !== 'string') throw invalid(String(specifier), 'it must be text');
  checkPlatformOptions(options);
  const parts = specifier.length > MAX_LENGTH ? [] : specifier.split('/');
  const [first = '', architecture, variant] = parts;
  if (parts.length === 0 || parts.length > 3)
    throw invalid(specifier, 'it must be os/architecture/variant or less of it');
  if (!parts.slice(1).every((part) => COMPONENT.test(part))) {
    throw invalid(specifier, 'a part may have letters, digits, underscore, dot and hyphen only, and not be empty');
  }
  const os = parseOs(first, specifier, options);
  if (architecture === undefined) return completeWord(first, os, specifier, options);
  return makePlatform({ ...os, ...parseCpu(architecture, variant) });
}

function parseOs(text: string, specifier: string, options: PlatformOptions): OsPart {
  const [, os, version = '', features = ''] = OS.exec(text) ?? [];
  if (os === undefined) throw invalid(specifier, 'the operating system may be followed by (version+feature) only');
  const decode = (part: string): string => decodeOption(part, specifier);
  return {
    os: normalizeOs(os, options),
    version: decode(version),
    features: features.split('+').slice(1).map(decode),
  };
}

/** Without variant, `arm` means `v7`, and says so by no variant. */
function parseCpu(architecture: string, variant: string | undefined): Cpu {
  const cpu = normalizeCpu(architecture, variant ?? '');
  if (variant === undefined) return cpu.architecture === 'arm' && cpu.variant === 'v7' ? { ...cpu, variant: '' } : cpu;
  return cpu.architecture === 'arm64' && cpu.variant === '' ? { ...cpu, variant: 'v8' } : cpu;
}

/** One word is an operating system if there is one of that name, else an architecture; the host gives the rest. */
function completeWord(word: string, os: OsPart, specifier: string, { host }: PlatformOptions): Platform {
  if (isKnownOs(os.os)) {
    const architecture = host?.architecture ?? 'amd64';
    const variant = architecture === 'arm' && host?.variant !== 'v7' ? (host?.variant ?? '') : '';
    return makePlatform({ ...os, architecture, variant });
  }
  const cpu = parseCpu(word, undefined);
  if (!isKnownArchitecture(cpu.architecture)) {
    throw invalid(specifier, 'it is neither a known operating system nor a known architecture');
  }
  return makePlatform({ ...os, ...cpu, os: host?.os ?? 'linux' });
}

function decodeOption(text: string, specifier: string): string {
  if (/%(?![0-9a-f]{2})/i.test(text)) throw invalid(specifier, 'a percent sign must be followed by two hex digits');
  const bytes = text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return decodeUtf8(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}

function invalid(specifier: string, reason: string): ImageError<'ERR_PLATFORM_INVALID'> {
  return new ImageError('ERR_PLATFORM_INVALID', `Cannot parse platform ${quote(specifier)}: ${reason}`);
}

const OPERATING_SYSTEMS: ReadonlySet<string> = /* @__PURE__ */ new Set(
  /* @__PURE__ */ 'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos'.split(
    ' ',
  ),
);

const ARCHITECTURES: ReadonlySet<string> = /* @__PURE__ */ new Set(
  /* @__PURE__ */ '386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm'.split(
    ' ',
  ),
);

/** Go's values of GOOS, by which a specifier of one word is told to be an operating system. */
function isKnownOs(os: string): boolean {
  return OPERATING_SYSTEMS.has(os);
}

/** Go's values of GOARCH. */
function isKnownArchitecture(architecture: string): boolean {
  return ARCHITECTURES.has(architecture);
}
