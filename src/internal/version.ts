/** What requests call this library: the version is that of package.json. */
export const USER_AGENT = 'kubepull/0.1.0';
