import colors from 'picocolors';

/** Starts a chapter. */
export function chapter(title: string): void {
  console.log(`\n${colors.bold(colors.cyan(title))}`);
}

/** Prints names and values, the values below each other. */
export function facts(rows: readonly (readonly [name: string, value: string | undefined])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) console.log(`  ${colors.dim(name.padEnd(width))}  ${value ?? colors.dim('none')}`);
}

/** Prints prepared text, indented. */
export function block(text: string): void {
  for (const line of text.trimEnd().split('\n')) console.log(`  ${line}`);
}

export function good(text: string): void {
  console.log(`  ${colors.green('✓')} ${text}`);
}

export function bad(text: string): void {
  console.log(`  ${colors.red('✗')} ${text}`);
}

export function note(text: string): void {
  console.log(`  ${colors.dim(text)}`);
}

/** Bytes as a person reads them. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
