// libslirp as the system provides it; the safe face is the NAT of the target HostNetwork.
#include <slirp/libslirp.h>
