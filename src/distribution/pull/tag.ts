const TAG = /^\w[\w.-]{0,127}$/;

/** Whether a text is a tag by the OCI distribution spec. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}
