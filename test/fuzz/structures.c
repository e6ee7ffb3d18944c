/* Structures with pointers in them: vectors, messages, addresses. Each field is at times wrong. */
#include "fuzz.h"
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>

uint64_t any_struct(struct fuzz *f, uint32_t size) {
  if (one_in(f, 8)) return any_pointer(f);
  uint8_t *bytes = take(f, size);
  for (uint32_t i = 0; i + 4 <= size; i += 4) {
    uint32_t word = one_in(f, 2) ? 0 : one_in(f, 2) ? below(f, 64) : (uint32_t)any_number(f);
    memcpy(bytes + i, &word, 4);
  }
  return (uint64_t)bytes;
}

uint64_t any_iovec(struct fuzz *f) {
  if (one_in(f, 10)) return any_pointer(f);
  struct iovec *v = take(f, 16 * sizeof *v);
  for (int i = 0; i < 16; i++) {
    v[i].iov_base = (void *)any_pointer(f);
    v[i].iov_len = one_in(f, 3) ? any_length(f) : below(f, 5000);
  }
  return (uint64_t)v;
}

uint64_t any_sockaddr(struct fuzz *f) {
  if (one_in(f, 10)) return any_pointer(f);
  union {
    struct sockaddr_un un;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_nl nl;
    uint16_t family;
  } *a = take(f, sizeof *a);
  memset(a, 0, sizeof *a);
  switch (below(f, 6)) {
    case 0:
      a->un.sun_family = AF_UNIX;
      strcpy(a->un.sun_path, one_in(f, 2) ? "sock" : "d/sock");
      break;
    case 1:
      a->un.sun_family = AF_UNIX;
      a->un.sun_path[1] = (char)('a' + below(f, 8));
      break;
    case 2:
      a->in.sin_family = AF_INET;
      a->in.sin_port = htons((uint16_t)(one_in(f, 4) ? below(f, 65536) : 5000 + below(f, 8)));
      a->in.sin_addr.s_addr = one_in(f, 4) ? (uint32_t)any(f) : htonl(one_in(f, 2) ? INADDR_LOOPBACK : INADDR_ANY);
      break;
    case 3:
      a->in6.sin6_family = AF_INET6;
      a->in6.sin6_port = htons((uint16_t)(5000 + below(f, 8)));
      if (one_in(f, 2)) a->in6.sin6_addr = in6addr_loopback;
      break;
    case 4:
      a->nl.nl_family = AF_NETLINK;
      a->nl.nl_groups = (uint32_t)any_flags(f);
      break;
    default: a->family = (uint16_t)(one_in(f, 2) ? 0 : any(f));
  }
  return (uint64_t)a;
}

static uint64_t any_control(struct fuzz *f, uint64_t *length) {
  uint8_t *bytes = take(f, 512);
  uint32_t at = 0;
  for (uint32_t n = below(f, 4); n > 0 && at < 300; n--) {
    struct cmsghdr *c = (struct cmsghdr *)(bytes + at);
    static const int types[] = {SCM_RIGHTS, SCM_RIGHTS, SCM_CREDENTIALS, 0, 29};
    uint32_t words = below(f, 6);
    c->cmsg_level = one_in(f, 8) ? (int)any(f) : SOL_SOCKET;
    c->cmsg_type = PICK(f, types);
    c->cmsg_len = one_in(f, 8) ? any_number(f) : CMSG_LEN(words * 4);
    for (uint32_t i = 0; i < words; i++) ((uint32_t *)CMSG_DATA(c))[i] = (uint32_t)(one_in(f, 6) ? any_pid(f) : any_fd(f));
    at += CMSG_SPACE(words * 4);
  }
  *length = one_in(f, 8) ? any_length(f) : at;
  return (uint64_t)bytes;
}

/* As many struct mmsghdr as some calls read. */
uint64_t any_message(struct fuzz *f) {
  if (one_in(f, 10)) return any_pointer(f);
  struct mmsghdr *m = take(f, 4 * sizeof *m);
  for (int i = 0; i < 4; i++) {
    struct msghdr *h = &m[i].msg_hdr;
    memset(&m[i], 0, sizeof m[i]);
    if (one_in(f, 2)) {
      h->msg_name = (void *)any_sockaddr(f);
      h->msg_namelen = one_in(f, 4) ? (uint32_t)any_length(f) : 16;
    }
    h->msg_iov = (void *)any_iovec(f);
    h->msg_iovlen = one_in(f, 10) ? any_number(f) : below(f, 6);
    if (one_in(f, 2)) {
      uint64_t length;
      h->msg_control = (void *)any_control(f, &length);
      h->msg_controllen = length;
    }
    h->msg_flags = (int)any_flags(f);
  }
  return (uint64_t)m;
}

/* Two of them, as in an itimerspec; mostly short, for the calls that sleep. */
uint64_t any_timespec(struct fuzz *f) {
  if (one_in(f, 8)) return any_pointer(f);
  struct timespec *t = take(f, 2 * sizeof *t);
  for (int i = 0; i < 2; i++) {
    t[i].tv_sec = one_in(f, 12) ? (time_t)any_number(f) : 0;
    t[i].tv_nsec = one_in(f, 12) ? (long)any_number(f) : below(f, 3000000);
  }
  return (uint64_t)t;
}

/* A vector of strings as execve takes it. */
uint64_t any_strings(struct fuzz *f) {
  if (one_in(f, 10)) return any_pointer(f);
  uint32_t count = one_in(f, 20) ? 900 : below(f, 6);
  char **strings = take(f, (count + 1) * sizeof *strings);
  for (uint32_t i = 0; i < count; i++) {
    strings[i] = (char *)(one_in(f, 40) ? any_pointer(f) : any_path(f));
  }
  strings[count] = NULL;
  return (uint64_t)strings;
}

uint64_t any_poll_set(struct fuzz *f) {
  if (one_in(f, 10)) return any_pointer(f);
  struct pollfd *set = take(f, 64 * sizeof *set);
  for (int i = 0; i < 64; i++) {
    set[i].fd = (int)any_fd(f);
    set[i].events = (short)any_flags(f);
    set[i].revents = 0;
  }
  return (uint64_t)set;
}
