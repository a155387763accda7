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
export function isKnownOs(os: string): boolean {
  return OPERATING_SYSTEMS.has(os);
}

/** Go's values of GOARCH. */
export function isKnownArchitecture(architecture: string): boolean {
  return ARCHITECTURES.has(architecture);
}
