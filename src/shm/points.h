// Kill points: places in the shared-memory code where a test stops a process to SIGKILL it there.
//
// SHM_POINT(name) compiles to nothing unless WEIR_TEST_HOOKS is defined. In a test build a process
// arms one point (its n-th passing); on reaching it the process stops itself with SIGSTOP, the test
// sees that with waitpid and kills it. All points stand in the table below, so a test walks them
// all and a point that no test can reach is noticed.
#pragma once

#ifdef WEIR_TEST_HOOKS

#define WEIR_SHM_POINTS(X)                                                                      \
  X(claim_row_reset)       /* the row of a slot is zeroed, it is still the last owner's */      \
  X(claim_row_given)       /* the row is the new owner's, the slot is free */                   \
  X(claim_done)            /* claimed, not yet forked */                                        \
  X(snapshot_half)         /* a word of a snapshot is written */                                \
  X(snapshot_written)      /* all words are written, the version is the old one */              \
  X(snapshot_published)    /* the new version stands */                                         \
  X(ring_bytes)            /* the bytes of a line are in place, its header is not */            \
  X(ring_header)           /* record complete, not published */                                 \
  X(ring_published)        /* record published */                                               \
  X(ring_wrap)             /* the filler at the end of the ring is written, not published */    \
  X(ring_dropped)          /* a drop was counted */                                             \
  X(drain_intent)          /* the extent of a batch is noted */                                 \
  X(drain_armed)           /* the file's size before a write is noted */                        \
  X(drain_written)         /* lines are in the file, the intent does not say so yet */          \
  X(drain_noted)           /* one stream of a batch is done */                                  \
  X(drain_before_advance)  /* all streams are done, the ring's tail is the old one */           \
  X(drain_advanced)        /* the tail is the new one */                                        \
  X(clean_before_fold)     /* a dead slot was seen */                                           \
  X(clean_folded)          /* its counters are in the retired totals, the slot is still dead */ \
  X(clean_done)            /* the slot is free */                                               \
  X(peer_claimed)          /* a cell has an identity and no name yet */                         \
  X(peer_attached)         /* a worker says that it uses a cell, and has not looked again */    \
  X(peer_leaving)          /* a cell is being given back */                                     \
  X(peer_row_wiped)        /* one of a dead worker's rows is clean */                           \
  X(session_chosen)        /* where a session will stand is known, it is not written */         \
  X(session_written)       /* it is */                                                          \
  X(cache_chunk_begun)     /* a chunk has a size, its segment does not count it yet */          \
  X(cache_chunk_made)      /* a raw chunk is allocated */                                       \
  X(cache_segment_sealed)  /* the open segment was full, no other is open */                    \
  X(cache_segment_opened)  /* a segment is open, it is not known as the open one */             \
  X(cache_segment_drained) /* nothing refers to a segment */                                    \
  X(cache_segment_freed)   /* a segment is free, it is not counted */                           \
  X(cache_pinned)          /* a segment is pinned, it was not looked at again */                \
  X(cache_entry_written)   /* an entry has a reference and no tag */                            \
  X(cache_entry_published) /* it has both and is in no queue */                                 \
  X(cache_entry_hidden)    /* it has a reference and no tag any more */                         \
  X(cache_removing)        /* its memory counts as live */                                      \
  X(cache_replacing)       /* what an entry refers to does not count as live */                 \
  X(cache_inserted)        /* an entry is there, its memory does not count as live */           \
  X(cache_copied)          /* a chunk lives twice */                                            \
  X(cache_moved_head)      /* a head was moved */                                               \
  X(cache_moved_piece)     /* a piece was */                                                    \
  X(cache_moved_table)     /* a table was */                                                    \
  X(cache_cell_cleared)    /* a fill is being begun */                                          \
  X(cache_cell_claimed)    /* this process fetches */                                           \
  X(cache_cell_changed)    /* a fill went on, who waits does not know */                        \
  X(cache_cell_orphaned)   /* a fill has no owner, who waits does not know */                   \
  X(cache_cell_taken_over) /* it has another */                                                 \
  X(cache_head_written)    /* the head of an answer is there, nobody knows */                   \
  X(cache_appended)        /* a part of its body is, who waits does not know */                 \
  X(cache_piece_added)     /* a piece has a place in its table */                               \
  X(cache_table_grown)     /* a larger table stands in for the one before */                    \
  X(cache_completed)       /* an answer is complete and not stored */                           \
  X(cache_tag_displaced)   /* what a record said is said by the floor */                        \
  X(cache_tag_purged)      /* a tag is purged */                                                \
  X(cache_rule_made)       /* a prefix is */                                                    \
  X(cache_swept)           /* some entries were looked at */                                    \
  X(cache_fills_orphaned)  /* a dead process has no fills, its pins stand */                    \
  X(cache_row_cleared)     /* nor pins */                                                       \
  X(cache_repairing)       /* what is derived is about to be made anew */                       \
  X(cache_repaired)        /* it is, and nobody knows */

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
