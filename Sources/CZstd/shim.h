// libzstd as the system provides it; the safe face is the target Compression.
#include <zstd.h>
