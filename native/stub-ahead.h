/* What is copied into the mailbox ahead: what a call is known to need, by number. Part of stub.c, which is one translation unit. */
#define NONE 0
#define STR(a) (0x10 | (a))
#define BUF(a) (0x20 | (a)) /* length in the next argument */
#define FIX(a, words) (0x80 | (a) | ((words) << 8)) /* words of 8 bytes */

struct precopy {
  uint16_t what[2];
};

static const struct precopy precopies[512] = {
    [__NR_write] = {{BUF(1)}},
    [__NR_open] = {{STR(0)}},
    [__NR_stat] = {{STR(0)}},
    [__NR_lstat] = {{STR(0)}},
    [__NR_poll] = {{FIX(0, 1)}},
    [__NR_rt_sigaction] = {{FIX(1, 4)}},
    [__NR_rt_sigprocmask] = {{FIX(1, 1)}},
    [__NR_pwrite64] = {{BUF(1)}},
    [__NR_access] = {{STR(0)}},
    [__NR_nanosleep] = {{FIX(0, 2)}},
    [__NR_sendto] = {{BUF(1)}},
    [__NR_execve] = {{STR(0)}},
    [__NR_fcntl] = {{FIX(2, 4)}},
    [__NR_truncate] = {{STR(0)}},
    [__NR_chdir] = {{STR(0)}},
    [__NR_rename] = {{STR(0), STR(1)}},
    [__NR_mkdir] = {{STR(0)}},
    [__NR_rmdir] = {{STR(0)}},
    [__NR_creat] = {{STR(0)}},
    [__NR_link] = {{STR(0), STR(1)}},
    [__NR_unlink] = {{STR(0)}},
    [__NR_symlink] = {{STR(0), STR(1)}},
    [__NR_readlink] = {{STR(0)}},
    [__NR_chmod] = {{STR(0)}},
    [__NR_chown] = {{STR(0)}},
    [__NR_lchown] = {{STR(0)}},
    [__NR_statfs] = {{STR(0)}},
    [__NR_clock_nanosleep] = {{FIX(2, 2)}},
    [__NR_epoll_ctl] = {{FIX(3, 2)}},
    [__NR_openat] = {{STR(1)}},
    [__NR_mkdirat] = {{STR(1)}},
    [__NR_newfstatat] = {{STR(1)}},
    [__NR_unlinkat] = {{STR(1)}},
    [__NR_renameat] = {{STR(1), STR(3)}},
    [__NR_linkat] = {{STR(1), STR(3)}},
    [__NR_symlinkat] = {{STR(0), STR(2)}},
    [__NR_readlinkat] = {{STR(1)}},
    [__NR_fchmodat] = {{STR(1)}},
    [__NR_fchownat] = {{STR(1)}},
    [__NR_faccessat] = {{STR(1)}},
    [__NR_utimensat] = {{STR(1), FIX(2, 4)}},
    [__NR_prlimit64] = {{FIX(2, 2)}},
    [__NR_renameat2] = {{STR(1), STR(3)}},
    [__NR_statx] = {{STR(1)}},
    [__NR_clone3] = {{BUF(0)}},
    [__NR_openat2] = {{STR(1), FIX(2, 3)}},
    [__NR_faccessat2] = {{STR(1)}},
};

/* F_GETLK, F_SETLK, F_SETLKW and those of open file descriptions: the third argument is a struct flock. */
static inline int takes_lock(u32 command) { return (command >= 5 && command <= 7) || (command >= 36 && command <= 38); }

static void pre_copy(u8 *mb, u32 nr, const u64 *args) {
  u32 count = 0;
  u32 at = 0;
  if (nr < 512 && (nr != __NR_fcntl || takes_lock((u32)args[1]))) {
    for (int i = 0; i < 2; i++) {
      u32 what = precopies[nr].what[i];
      if (what == NONE) break;
      u32 arg = what & 7;
      u64 from = args[arg];
      u64 length;
      if (from == 0) continue;
      if (what & 0x80) {
        length = (what >> 8) * 8;
        if (stub_copy(mb + MB_DATA + at, (void *)from, length)) continue;
      } else if (what & 0x20) {
        length = args[arg + 1];
        if (length == 0 || length > PRECOPY_MAX) continue;
        if (stub_copy(mb + MB_DATA + at, (void *)from, length)) continue;
      } else {
        long n = stub_copy_string(mb + MB_DATA + at, (void *)from, 4096);
        if (n < 0 || n > 4096) continue;
        length = (u64)n;
      }
      u8 *entry = mb + MB_PRECOPY_TABLE + count * 16;
      *(u64 *)entry = from;
      *(u32 *)(entry + 8) = (u32)length;
      *(u32 *)(entry + 12) = at;
      count++;
      at = (at + (u32)length + 63) & ~63u;
    }
  }
  MB32(mb, MB_PRECOPIES) = count;
}
