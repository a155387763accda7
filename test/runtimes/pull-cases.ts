// What the pulls of a runtime go to: handed from the Node process that has the servers to the one that pulls.

/** One image to pull, and what has to come of it. */
export interface PullCase {
  readonly name: string;
  /** Such as `127.0.0.1:40001/team/app:1`. */
  readonly image: string;
  /** The host of the registry, spoken to without TLS. */
  readonly host: string;
  /** Accounts in the order in which a keyring has them. */
  readonly accounts: readonly { readonly username: string; readonly password: string }[];
  /** The outcome of each account, as the events tell it. */
  readonly outcomes: readonly string[];
  /** The digests that the store has afterwards, and those that it must not have. */
  readonly has: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[];
  readonly lacks: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[];
  /** The codes that the error of a pull may have; none for one that must succeed. */
  readonly codes: readonly string[];
}
