import type { Digest } from '../../digest/index.js';
import type { Descriptor } from '../../oci/index.js';
import type { LayoutStat } from './file-system.js';

/** What one store knows of the files in its layout, so that each is hashed, and forced to the disk, only once. */
export interface VerifiedFiles {
  /** Notes that the file with this stat has the right content. */
  remember(descriptor: Descriptor, stat: LayoutStat, known: { readonly durable: boolean }): void;
  isVerified(descriptor: Descriptor, stat: LayoutStat): boolean;
  /** Whether its content outlasts a power cut, too. */
  isDurable(descriptor: Descriptor, stat: LayoutStat): boolean;
}

export function createVerifiedFiles(): VerifiedFiles {
  const files = new Map<Digest, { readonly version: string; readonly durable: boolean }>();
  const find = ({ digest }: Descriptor, stat: LayoutStat): { readonly durable: boolean } | undefined => {
    const known = files.get(digest);
    return known?.version === versionOf(stat) ? known : undefined;
  };
  return {
    remember: ({ digest }, stat, { durable }) => void files.set(digest, { version: versionOf(stat), durable }),
    isVerified: (descriptor, stat) => find(descriptor, stat) !== undefined,
    isDurable: (descriptor, stat) => find(descriptor, stat)?.durable === true,
  };
}

/** The same for two looks at a file that did not change between them; another file, or another content, has another. */
export function versionOf({ inode, size, changed }: LayoutStat): string {
  return `${inode} ${size} ${changed}`;
}
