/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The address that results name as their host's. */
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>

#include "worker/worker.h"

char *
worker_host_address(void)
{
    char text[64] = "127.0.0.1";
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        return g_strdup(text);
    for (const struct ifaddrs *at = all; at != NULL; at = at->ifa_next) {
        if (at->ifa_addr != NULL && at->ifa_addr->sa_family == AF_INET &&
            (at->ifa_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP &&
            getnameinfo(at->ifa_addr, sizeof(struct sockaddr_in), text, sizeof text, NULL, 0,
                        NI_NUMERICHOST) == 0)
            break;
    }
    freeifaddrs(all);
    return g_strdup(text);
}
