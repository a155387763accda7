interface WindowsVersion {
  readonly release: string;
  readonly build: number;
}

/** The long-term servicing releases from which on containers of an older build run: Windows Server 2022 and 2025. */
const STABLE_BUILDS = [20_348, 26_100] as const;

/**
 * Whether a Windows host runs containers of a Windows version. Hosts before Server 2022 run their own build only; later
 * ones everything from the previous long-term release on. A version that is missing, or a host's that is malformed, is
 * no obstacle.
 */
export function runsWindowsVersion(host: string, container: string): boolean {
  const hostVersion = parseVersion(host);
  if (hostVersion === undefined || container === '') return true;
  const { release, build } = parseVersion(container) ?? { release: '0.0', build: 0 };
  if (release !== hostVersion.release) return false;
  if (hostVersion.build < STABLE_BUILDS[0]) return build === hostVersion.build;
  const oldest = STABLE_BUILDS.findLast((stable) => stable < hostVersion.build) ?? STABLE_BUILDS[0];
  return oldest <= build && build <= hostVersion.build;
}

/** Major, minor and build of `10.0.17763.1`; `undefined` when they are not numbers in range, or are all zero. */
function parseVersion(text: string): WindowsVersion | undefined {
  const [, major, minor, build] = /^(\d+)\.(\d+)\.(\d+)(?:\.|$)/.exec(text) ?? [];
  const [first, second, third] = [Number(major), Number(minor), Number(build)];
  if (build === undefined || first > 255 || second > 255 || third > 65_535) return undefined;
  return first + second + third === 0 ? undefined : { release: `${first}.${second}`, build: third };
}
