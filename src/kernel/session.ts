/**
 * Sessions and process groups: job control (Linux: struct pid's PIDTYPE_PGID and PIDTYPE_SID; credentials(7), setsid(2)).
 *
 * Invariants: a process group belongs to one session for ever; it lives as long as it has members (zombies count), and its
 * number is not given to another task before that.
 */
import type { ThreadGroup } from './thread-group.ts';

/** The terminal of a session, as the kernel's job control sees it; the tty devices implement it. */
export interface ControllingTty {
  /** Gets the keyboard's signals and may read; tcsetpgrp(3). */
  foreground: ProcessGroup | null;
  /** The session it controls. */
  session: Session | null;
  /** Whether writes from the background stop the writer (termios TOSTOP). */
  readonly isTostop: boolean;
  /** The session's leader has exited; foreground and session are null by now. */
  onSessionEnd(): void;
}

export class Session {
  readonly sid: number;
  /** The process that called setsid; null when it is gone. */
  leader: ThreadGroup | null;
  tty: ControllingTty | null = null;
  readonly processGroups = new Set<ProcessGroup>();

  constructor(sid: number, leader: ThreadGroup | null) {
    this.sid = sid;
    this.leader = leader;
  }
}

export class ProcessGroup {
  readonly pgid: number;
  readonly session: Session;
  readonly members = new Set<ThreadGroup>();

  constructor(pgid: number, session: Session) {
    this.pgid = pgid;
    this.session = session;
    session.processGroups.add(this);
  }
}
