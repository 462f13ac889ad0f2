// Kill points: places in the shared-memory code where a test stops a process to SIGKILL it there.
//
// SHM_POINT(name) compiles to nothing unless WEIR_TEST_HOOKS is defined. In a test build a process
// arms one point (its n-th passing); on reaching it the process stops itself with SIGSTOP, the test
// sees that with waitpid and kills it. All points stand in the table below, so a test walks them
// all and a point that no test can reach is noticed.
#pragma once

#ifdef WEIR_TEST_HOOKS

#define WEIR_SHM_POINTS(X)                                                                     \
  X(claim_row_reset)      /* the row of a slot is zeroed, it is still the last owner's */      \
  X(claim_row_given)      /* the row is the new owner's, the slot is free */                   \
  X(claim_done)           /* claimed, not yet forked */                                        \
  X(snapshot_half)        /* a word of a snapshot is written */                                \
  X(snapshot_written)     /* all words are written, the version is the old one */              \
  X(snapshot_published)   /* the new version stands */                                         \
  X(ring_bytes)           /* the bytes of a line are in place, its header is not */            \
  X(ring_header)          /* record complete, not published */                                 \
  X(ring_published)       /* record published */                                               \
  X(ring_wrap)            /* the filler at the end of the ring is written, not published */    \
  X(ring_dropped)         /* a drop was counted */                                             \
  X(drain_intent)         /* the extent of a batch is noted */                                 \
  X(drain_armed)          /* the file's size before a write is noted */                        \
  X(drain_written)        /* lines are in the file, the intent does not say so yet */          \
  X(drain_noted)          /* one stream of a batch is done */                                  \
  X(drain_before_advance) /* all streams are done, the ring's tail is the old one */           \
  X(drain_advanced)       /* the tail is the new one */                                        \
  X(clean_before_fold)    /* a dead slot was seen */                                           \
  X(clean_folded)         /* its counters are in the retired totals, the slot is still dead */ \
  X(clean_done)           /* the slot is free */                                               \
  X(peer_claimed)         /* a cell has an identity and no name yet */                         \
  X(peer_attached)        /* a worker says that it uses a cell, and has not looked again */    \
  X(peer_leaving)         /* a cell is being given back */                                     \
  X(peer_row_wiped)       /* one of a dead worker's rows is clean */                           \
  X(session_chosen)       /* where a session will stand is known, it is not written */         \
  X(session_written)      /* it is */

namespace weir::shm::points {

enum class Point : int {
  none,
#define WEIR_SHM_POINT_NAME(name) name,
  WEIR_SHM_POINTS(WEIR_SHM_POINT_NAME)
#undef WEIR_SHM_POINT_NAME
      count
};

const char* name(Point point);

// The process stops itself when it passes `point` for the `passing`-th time (1 = the next time).
void arm(Point point, int passing);
void reached(Point point);

}  // namespace weir::shm::points

#define SHM_POINT(name) ::weir::shm::points::reached(::weir::shm::points::Point::name)
#else
#define SHM_POINT(name) static_cast<void>(0)
#endif
