/* Options of TCP sockets: values at first, what is kept of those set, which are refused; struct tcp_info. */
#include "check.h"
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

int main(void) {
  int fds[2], value, l = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof at;
  NEED(bind(l, (void *)&at, sizeof at) == 0 && listen(l, 1) == 0 && getsockname(l, (void *)&at, &length) == 0);
  fds[0] = socket(AF_INET, SOCK_STREAM, 0);
  NEED(connect(fds[0], (void *)&at, sizeof at) == 0);
  fds[1] = accept(l, NULL, NULL);
  NEED(fds[1] >= 0);
  int fresh = socket(AF_INET, SOCK_STREAM, 0);
#define OPTION(fd, level, name) \
  length = sizeof value, value = -7, CHECK(getsockopt(fd, level, name, &value, &length)), say(#name " %d %d", value, length)
  OPTION(fresh, SOL_SOCKET, SO_SNDBUF);
  OPTION(fresh, SOL_SOCKET, SO_RCVLOWAT);
  OPTION(fresh, SOL_SOCKET, SO_SNDLOWAT);
  OPTION(fresh, SOL_SOCKET, SO_PRIORITY);
  OPTION(fresh, SOL_SOCKET, SO_BROADCAST);
  OPTION(fresh, SOL_SOCKET, SO_NO_CHECK);
  OPTION(fresh, SOL_SOCKET, SO_BUSY_POLL);
  OPTION(fresh, SOL_SOCKET, SO_PEEK_OFF);
  OPTION(fresh, SOL_SOCKET, SO_LOCK_FILTER);
  OPTION(fresh, SOL_SOCKET, SO_SELECT_ERR_QUEUE);
  OPTION(fresh, SOL_SOCKET, SO_ZEROCOPY);
  OPTION(fresh, SOL_SOCKET, SO_MARK);
  OPTION(fresh, SOL_SOCKET, SO_MAX_PACING_RATE);
  OPTION(fresh, SOL_SOCKET, SO_BINDTODEVICE);
  OPTION(fresh, SOL_SOCKET, SO_PEERSEC);
  OPTION(fresh, IPPROTO_TCP, TCP_MAXSEG);
  OPTION(fresh, IPPROTO_TCP, TCP_DEFER_ACCEPT);
  OPTION(fresh, IPPROTO_TCP, TCP_SYNCNT);
  OPTION(fresh, IPPROTO_TCP, TCP_QUICKACK);
  OPTION(fresh, IPPROTO_TCP, TCP_LINGER2);
  OPTION(fresh, IPPROTO_TCP, TCP_NOTSENT_LOWAT);
  OPTION(fresh, IPPROTO_TCP, TCP_REPAIR);
  OPTION(fresh, IPPROTO_TCP, TCP_FASTOPEN_CONNECT);
  OPTION(fresh, IPPROTO_TCP, TCP_ULP);
  OPTION(fresh, IPPROTO_TCP, TCP_SAVE_SYN);
  OPTION(fresh, IPPROTO_TCP, TCP_THIN_DUPACK);
  OPTION(fresh, IPPROTO_TCP, TCP_INQ);
  OPTION(fresh, IPPROTO_TCP, TCP_TX_DELAY);
  OPTION(fresh, IPPROTO_TCP, 99);
  OPTION(fresh, IPPROTO_IP, IP_TOS);
  OPTION(fresh, IPPROTO_IP, IP_MTU);
  OPTION(fresh, IPPROTO_IP, IP_MTU_DISCOVER);
  OPTION(fresh, IPPROTO_IP, IP_TRANSPARENT);
  OPTION(fresh, IPPROTO_IP, IP_OPTIONS);
  OPTION(fresh, IPPROTO_IP, IP_MINTTL);
  OPTION(fresh, IPPROTO_IP, IP_UNICAST_IF);
#define SET(level, name, number) \
  value = number, CHECK(setsockopt(fresh, level, name, &value, sizeof value)); OPTION(fresh, level, name)
  SET(SOL_SOCKET, SO_PRIORITY, 5);
  SET(SOL_SOCKET, SO_PRIORITY, 7);
  SET(SOL_SOCKET, SO_RCVLOWAT, 0);
  SET(SOL_SOCKET, SO_RCVBUF, 1);
  SET(SOL_SOCKET, SO_SNDBUF, 1);
  SET(SOL_SOCKET, SO_SNDBUF, 10000);
  SET(SOL_SOCKET, SO_INCOMING_CPU, 1);
  SET(SOL_SOCKET, SO_ACCEPTCONN, 1);
  SET(SOL_SOCKET, SO_KEEPALIVE, 8);
  SET(IPPROTO_TCP, TCP_NODELAY, 8);
  SET(IPPROTO_TCP, TCP_KEEPIDLE, 0);
  SET(IPPROTO_TCP, TCP_KEEPIDLE, 40000);
  SET(IPPROTO_TCP, TCP_KEEPIDLE, 32767);
  SET(IPPROTO_TCP, TCP_KEEPINTVL, 0);
  SET(IPPROTO_TCP, TCP_KEEPCNT, 128);
  SET(IPPROTO_TCP, TCP_KEEPCNT, 127);
  SET(IPPROTO_TCP, TCP_SYNCNT, 0);
  SET(IPPROTO_TCP, TCP_MAXSEG, 10);
  SET(IPPROTO_TCP, TCP_MAXSEG, 1000);
  SET(IPPROTO_TCP, TCP_LINGER2, -3);
  SET(IPPROTO_TCP, TCP_LINGER2, 20);
  SET(IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
  SET(IPPROTO_TCP, TCP_USER_TIMEOUT, -1);
  SET(IPPROTO_TCP, TCP_FASTOPEN, 5);
  SET(IPPROTO_IP, IP_TOS, 0x10);
  SET(IPPROTO_IP, IP_TTL, 0);
  SET(IPPROTO_IP, IP_TTL, 256);
  SET(IPPROTO_IP, IP_TTL, 30);
  SET(IPPROTO_IP, IP_MTU_DISCOVER, 9);
  char name[16] = "reno";
  CHECK(setsockopt(fresh, IPPROTO_TCP, TCP_CONGESTION, name, 4));
  length = sizeof name;
  CHECK(getsockopt(fresh, IPPROTO_TCP, TCP_CONGESTION, name, &length));
  say("%s %d", name, length);
  CHECK(setsockopt(fresh, IPPROTO_TCP, TCP_CONGESTION, "none", 4));
  length = 2;
  value = 0;
  CHECK(getsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &value, &length));
  say("%d", length);
  struct tcp_info info = {0};
  length = sizeof info;
  CHECK(getsockopt(fds[1], IPPROTO_TCP, TCP_INFO, &info, &length));
  say("length %d, retransmits %d, lost %u, %d", length == sizeof info, info.tcpi_retransmits, info.tcpi_lost, info.tcpi_ca_state);
  TRUTH(info.tcpi_rto > 0 && info.tcpi_rtt > 0 && info.tcpi_snd_mss > 0 && info.tcpi_snd_cwnd > 0 && info.tcpi_pmtu == 65535);
  return 0;
}
