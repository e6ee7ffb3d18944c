/** What uname(2) tells (Linux: struct new_utsname). The names are binary strings. */

/** Bytes of a field without its NUL. */
export const UTS_FIELD_MAX = 64;

export class UtsName {
  readonly sysname = 'Linux';
  readonly release = '6.12.0-tsvisor';
  readonly version = '#1 SMP PREEMPT_DYNAMIC tsvisor 0.1.0';
  readonly machine = 'x86_64';
  /** sethostname(2). */
  nodename: string;
  /** setdomainname(2). */
  domainname: string;

  constructor(nodename: string, domainname = '(none)') {
    this.nodename = nodename.slice(0, UTS_FIELD_MAX);
    this.domainname = domainname.slice(0, UTS_FIELD_MAX);
  }
}
