/* rtnetlink(7), sock_diag(7) and netdevice(7) about the loopback and about sockets of this process; errors of netlink(7). */
#include "check.h"
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static int nl;
static unsigned sequence;
static struct {
  struct nlmsghdr header;
  char payload[1024];
} request;
static char answer[65536] __attribute__((aligned(8)));

static void begin(int type, int flags, const void *fixed, int length) {
  memset(&request, 0, sizeof request);
  request.header = (struct nlmsghdr){NLMSG_LENGTH(length), type, flags, ++sequence, 0};
  memcpy(NLMSG_DATA(&request.header), fixed, length);
}

static void attribute(int type, const void *value, int length) {
  struct rtattr *a = (void *)((char *)&request + NLMSG_ALIGN(request.header.nlmsg_len));
  a->rta_type = type;
  a->rta_len = RTA_LENGTH(length);
  memcpy(RTA_DATA(a), value, length);
  request.header.nlmsg_len = NLMSG_ALIGN(request.header.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* Sends the request and calls `each` for every message of the answer; says how it ends. */
static void ask(const char *what, void (*each)(struct nlmsghdr *)) {
  NEED(send(nl, &request, request.header.nlmsg_len, 0) == (ssize_t)request.header.nlmsg_len);
  for (;;) {
    ssize_t n = recv(nl, answer, sizeof answer, 0);
    NEED(n > 0);
    int left = n;
    for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
      NEED(h->nlmsg_seq == sequence);
      if (h->nlmsg_type == NLMSG_ERROR) {
        struct nlmsgerr *e = NLMSG_DATA(h);
        say("%s: error %s about type %d", what, error_name(-e->error), e->msg.nlmsg_type);
        return;
      }
      if (h->nlmsg_type == NLMSG_DONE) {
        say("%s: done", what);
        return;
      }
      if (each) each(h);
      if (!(h->nlmsg_flags & NLM_F_MULTI)) {
        say("%s: one", what);
        return;
      }
    }
  }
}

static struct rtattr *find(struct nlmsghdr *h, int fixed, int type) {
  int left = h->nlmsg_len - NLMSG_SPACE(fixed);
  for (struct rtattr *a = (void *)((char *)NLMSG_DATA(h) + NLMSG_ALIGN(fixed)); RTA_OK(a, left); a = RTA_NEXT(a, left))
    if (a->rta_type == type) return a;
  return NULL;
}

static void say_link(struct nlmsghdr *h) {
  struct ifinfomsg *i = NLMSG_DATA(h);
  if (i->ifi_index != 1) return;
  struct rtattr *name = find(h, sizeof *i, IFLA_IFNAME), *mtu = find(h, sizeof *i, IFLA_MTU);
  struct rtattr *address = find(h, sizeof *i, IFLA_ADDRESS), *stats = find(h, sizeof *i, IFLA_STATS64);
  NEED(name && mtu && address && stats);
  say("link %d type %d hardware %d up %d loopback %d running %d %s mtu %u, address of %d", h->nlmsg_type, i->ifi_family,
      i->ifi_type, !!(i->ifi_flags & IFF_UP), !!(i->ifi_flags & IFF_LOOPBACK), !!(i->ifi_flags & IFF_RUNNING),
      (char *)RTA_DATA(name), *(unsigned *)RTA_DATA(mtu), (int)RTA_PAYLOAD(address));
  TRUTH(RTA_PAYLOAD(stats) >= sizeof(struct rtnl_link_stats64) - 8);
}

static void say_address(struct nlmsghdr *h) {
  struct ifaddrmsg *i = NLMSG_DATA(h);
  struct rtattr *a = find(h, sizeof *i, IFA_ADDRESS);
  char text[64];
  if (i->ifa_index != 1 || !a) return;
  inet_ntop(i->ifa_family, RTA_DATA(a), text, sizeof text);
  if (strcmp(text, "127.0.0.1") && strcmp(text, "::1")) return;
  say("address %s/%d scope %d, label %s", text, i->ifa_prefixlen, i->ifa_scope,
      find(h, sizeof *i, IFA_LABEL) ? (char *)RTA_DATA(find(h, sizeof *i, IFA_LABEL)) : "none");
}

static void say_route(struct nlmsghdr *h) {
  struct rtmsg *r = NLMSG_DATA(h);
  struct rtattr *to = find(h, sizeof *r, RTA_DST), *out = find(h, sizeof *r, RTA_OIF);
  char text[64];
  if (!to || !out || *(int *)RTA_DATA(out) != 1) return;
  inet_ntop(r->rtm_family, RTA_DATA(to), text, sizeof text);
  if (strncmp(text, "127.", 4) && strcmp(text, "::1")) return;
  if (r->rtm_family == AF_INET6 && r->rtm_table != RT_TABLE_LOCAL) return;
  say("route to %s/%d table %d type %d", text, r->rtm_dst_len, r->rtm_table, r->rtm_type);
}

static void say_rule(struct nlmsghdr *h) {
  struct fib_rule_hdr {
    __u8 family, dst_len, src_len, tos, table, res1, res2, action;
    __u32 flags;
  } *r = NLMSG_DATA(h);
  if (r->table >= RT_TABLE_DEFAULT) say("rule for table %d, action %d", r->table, r->action);
}

static unsigned watched;

static void say_inet(struct nlmsghdr *h) {
  struct inet_diag_msg *m = NLMSG_DATA(h);
  if (ntohs(m->id.idiag_sport) != watched && ntohs(m->id.idiag_dport) != watched) return;
  say("socket family %d state %d, queues %u %u, from the port: %d, to it: %d", m->idiag_family, m->idiag_state,
      m->idiag_rqueue, m->idiag_wqueue, ntohs(m->id.idiag_sport) == watched, ntohs(m->id.idiag_dport) == watched);
}

static void say_unix(struct nlmsghdr *h) {
  struct unix_diag_msg *m = NLMSG_DATA(h);
  struct rtattr *name = find(h, sizeof *m, UNIX_DIAG_NAME), *queues = find(h, sizeof *m, UNIX_DIAG_RQLEN);
  if (m->udiag_ino != watched) return;
  say("unix type %d state %d, name of %d, queues %u %u", m->udiag_type, m->udiag_state, name ? (int)RTA_PAYLOAD(name) : 0,
      ((unsigned *)RTA_DATA(queues))[0], ((unsigned *)RTA_DATA(queues))[1]);
}

static void routes(void) {
  struct ifinfomsg by_index = {.ifi_index = 1}, nobody = {0}, far = {.ifi_index = 77777};
  struct ifaddrmsg addresses = {.ifa_family = AF_UNSPEC};
  struct rtmsg route = {.rtm_family = AF_INET, .rtm_dst_len = 32};
  struct rtgenmsg any = {AF_INET};
  char ack[64];
  nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  begin(RTM_GETLINK, NLM_F_REQUEST, &by_index, sizeof by_index);
  ask("link by number", say_link);
  begin(RTM_GETLINK, NLM_F_REQUEST, &nobody, sizeof nobody);
  attribute(IFLA_IFNAME, "lo", 3);
  ask("link by name", say_link);
  begin(RTM_GETLINK, NLM_F_REQUEST, &nobody, sizeof nobody);
  attribute(IFLA_IFNAME, "nothing", 8);
  ask("link that is not", say_link);
  begin(RTM_GETLINK, NLM_F_REQUEST, &far, sizeof far);
  ask("number that is not", say_link);
  begin(RTM_GETLINK, NLM_F_REQUEST, &nobody, sizeof nobody);
  ask("no link named", say_link);
  begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, &by_index, sizeof by_index);
  ask("link with acknowledgement", say_link);
  NEED(recv(nl, ack, sizeof ack, 0) > 0);
  say("acknowledged: type %d error %d", ((struct nlmsghdr *)ack)->nlmsg_type,
      ((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)ack))->error);
  begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, &nobody, sizeof nobody);
  ask("links", say_link);
  begin(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, &addresses, sizeof addresses);
  ask("addresses", say_address);
  addresses.ifa_family = AF_INET;
  begin(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, &addresses, sizeof addresses);
  ask("addresses of IPv4", say_address);
  begin(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, &any, sizeof any);
  ask("routes", say_route);
  begin(RTM_GETROUTE, NLM_F_REQUEST, &route, sizeof route);
  unsigned to = htonl(0x7f010203);
  attribute(RTA_DST, &to, 4);
  ask("route to 127.1.2.3", say_route);
  begin(RTM_GETRULE, NLM_F_REQUEST | NLM_F_DUMP, &any, sizeof any);
  ask("rules", say_rule);
  begin(RTM_GETADDR, NLM_F_REQUEST, &any, sizeof any);
  ask("one address", NULL);
  begin(1000, NLM_F_REQUEST, &any, sizeof any);
  ask("no such type", NULL);
  begin(RTM_GETLINK, NLM_F_ACK, &by_index, sizeof by_index);
  ask("not marked as a request", NULL);
  begin(NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK, &any, sizeof any);
  ask("nothing", NULL);
  by_index.ifi_flags = by_index.ifi_change = IFF_UP;
  begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, &by_index, sizeof by_index);
  ask(geteuid() == 0 ? "up" : "up, by nobody in particular", NULL);
}

static void sockets(void) {
  struct sockaddr_nl name, kernel = {.nl_family = AF_NETLINK}, other = {.nl_family = AF_NETLINK, .nl_pid = 0x7ffffff0};
  socklen_t length = sizeof name;
  char bytes[16];
  CHECK(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));
  CHECK(socket(AF_NETLINK, SOCK_RAW, 30));
  CHECK(socket(AF_NETLINK, SOCK_RAW, 300));
  CHECK(getsockname(nl, (void *)&name, &length));
  say("length %d family %d, pid %s", length, name.nl_family, name.nl_pid == (unsigned)getpid() ? "ours" : "other");
  CHECK(bind(nl, (void *)&kernel, sizeof kernel));
  CHECK(bind(nl, (void *)&name, sizeof name));
  CHECK(bind(nl, (void *)&name, 4));
  int second = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK, NETLINK_ROUTE);
  CHECK(getsockname(second, (void *)&kernel, &length));
  say("unbound %u", kernel.nl_pid);
  CHECK(bind(second, (void *)&name, sizeof name));
  kernel.nl_pid = 0;
  CHECK(bind(second, (void *)&kernel, sizeof kernel));
  CHECK(getsockname(second, (void *)&name, &length));
  TRUTH(name.nl_pid != 0 && name.nl_pid != (unsigned)getpid());
  CHECK(recv(second, bytes, sizeof bytes, 0));
  CHECK(sendto(second, "x", 1, 0, (void *)&kernel, sizeof kernel));
  CHECK(recv(second, bytes, sizeof bytes, 0));
  CHECK(sendto(second, "x", 1, 0, (void *)&other, sizeof other));
  CHECK(connect(second, (void *)&kernel, sizeof kernel));
  CHECK(getpeername(second, (void *)&name, &length));
  say("peer %u", name.nl_pid);
  CHECK(listen(second, 1));
  CHECK(accept(second, NULL, NULL));
  CHECK(shutdown(second, SHUT_WR));
  struct ifinfomsg by_index = {.ifi_index = 1};
  begin(RTM_GETLINK, NLM_F_REQUEST, &by_index, sizeof by_index);
  NEED(write(second, &request, request.header.nlmsg_len) == (ssize_t)request.header.nlmsg_len);
  struct pollfd p = {second, POLLIN | POLLOUT, 0};
  CHECK(poll(&p, 1, 1000));
  say("events %#x", p.revents);
  CHECK(recv(second, bytes, 16, MSG_PEEK));
  TRUTH(recv(second, bytes, 16, MSG_PEEK | MSG_TRUNC) > 400);
  CHECK(recv(second, bytes, 16, 0));
  CHECK(recv(second, bytes, 16, 0));
  close(second);
}

static void diagnosis(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  socklen_t length = sizeof at;
  int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_UNIX, SOCK_STREAM, 0);
  NEED(bind(l, (void *)&at, sizeof at) == 0 && listen(l, 7) == 0 && getsockname(l, (void *)&at, &length) == 0);
  NEED(connect(c, (void *)&at, sizeof at) == 0);
  watched = ntohs(at.sin_port);
  close(nl);
  nl = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG);
  struct inet_diag_req_v2 inet = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = 1 << 10};
  begin(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, &inet, sizeof inet);
  ask("listeners", say_inet);
  int a = accept(l, NULL, NULL);
  NEED(send(c, "abc", 3, 0) == 3 && poll(&(struct pollfd){a, POLLIN, 0}, 1, 1000) == 1);
  close(l);
  inet.idiag_states = 1 << 1;
  begin(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, &inet, sizeof inet);
  ask("connections", NULL);
  struct stat st;
  NEED(fstat(u, &st) == 0);
  watched = st.st_ino;
  snprintf(un.sun_path + 1, sizeof un.sun_path - 1, "netlink-route-%d", getpid() % 10000 + 10000);
  NEED(bind(u, (void *)&un, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(un.sun_path + 1)) == 0 && listen(u, 3) == 0);
  struct unix_diag_req req = {.sdiag_family = AF_UNIX, .udiag_states = -1, .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN};
  begin(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, &req, sizeof req);
  ask("unix", say_unix);
  req.udiag_ino = watched;
  req.udiag_cookie[0] = req.udiag_cookie[1] = -1;
  begin(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, &req, sizeof req);
  ask("unix by inode", say_unix);
  req.udiag_ino = 0x7ffffff0;
  begin(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, &req, sizeof req);
  ask("unix that is not", say_unix);
  begin(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, &req, 4);
  ask("too short", NULL);
  begin(77, NLM_F_REQUEST, &req, sizeof req);
  ask("no such type", NULL);
}

static void devices(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq r = {.ifr_name = "lo"};
  char name[IF_NAMESIZE] = "";
  CHECK(ioctl(fd, SIOCGIFFLAGS, &r));
  say("flags %#x", r.ifr_flags & (IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_BROADCAST | IFF_MULTICAST));
  CHECK(ioctl(fd, SIOCGIFADDR, &r));
  say("address %s", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
  CHECK(ioctl(fd, SIOCGIFNETMASK, &r));
  say("mask %s", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
  CHECK(ioctl(fd, SIOCGIFHWADDR, &r));
  say("hardware %d", r.ifr_hwaddr.sa_family);
  CHECK(ioctl(fd, SIOCGIFMTU, &r));
  say("mtu %d", r.ifr_mtu);
  CHECK(ioctl(fd, SIOCGIFINDEX, &r));
  say("index %d", r.ifr_ifindex);
  CHECK(ioctl(fd, SIOCGIFTXQLEN, &r));
  CHECK(ioctl(fd, SIOCGIFFLAGS, NULL));
  r = (struct ifreq){.ifr_name = "nothing"};
  CHECK(ioctl(fd, SIOCGIFFLAGS, &r));
  CHECK(ioctl(fd, SIOCGIFADDR, &r));
  CHECK(if_nametoindex("lo"));
  CHECK(if_nametoindex("nothing"));
  say("name %s", if_indextoname(1, name));
  CHECK_OK(if_indextoname(77777, name) ? 0 : -1);
  struct ifconf c = {.ifc_len = 0};
  CHECK(ioctl(fd, SIOCGIFCONF, &c));
  TRUTH(c.ifc_len >= (int)sizeof r);
  struct ifreq rs[64];
  c.ifc_len = sizeof rs;
  c.ifc_req = rs;
  CHECK(ioctl(fd, SIOCGIFCONF, &c));
  for (int i = 0; i < c.ifc_len / (int)sizeof r; i++)
    if (!strcmp(rs[i].ifr_name, "lo")) say("%s %s", rs[i].ifr_name, inet_ntoa(((struct sockaddr_in *)&rs[i].ifr_addr)->sin_addr));
  c.ifc_len = 10;
  CHECK(ioctl(fd, SIOCGIFCONF, &c));
  say("%d", c.ifc_len);
  CHECK(ioctl(fd, 0x7777, &r));
  int un = socket(AF_UNIX, SOCK_STREAM, 0);
  r = (struct ifreq){.ifr_name = "lo"};
  CHECK(ioctl(un, SIOCGIFMTU, &r));
}

int main(void) {
  routes();
  sockets();
  diagnosis();
  devices();
  return 0;
}
