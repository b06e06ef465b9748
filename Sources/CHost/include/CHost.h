#ifndef RINGBOX_CHOST_H
#define RINGBOX_CHOST_H
#endif
