// HitMemory: the requests that this worker answered from a cache a moment ago, byte for byte, and
// the heads of the answers. Most requests to a cache are the same few: such a one is neither
// parsed, routed nor keyed again, and no head is written for it; only the store is asked, as for
// every hit.
//
// What may be remembered (Exchange::repeatable_hit) depends on nothing but the bytes of the
// request, the address it came to, the configuration, which a worker has one of, and what is
// stored. It holds as long as the same answer is stored (stored_seq) and none of the seconds in its
// head has moved on; what it no longer fits is answered the long way, and remembered anew.
//
// Of a small answer the body is remembered too, and a large one that comes again often enough gets
// a file of its own (AnswerFiles): both were compared with their checksums when they were copied.
//
// Bounded: so many requests as `hit_memory` says, of at most bytes_max each, in sets of two of
// which the older one goes; files by `hit_file_memory`.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/store.h"
#include "http/content_coding.h"
#include "proxy/answer_files.h"

namespace weir {

class ListenPoint;
struct LocationPlan;
struct ServerPlan;

// What an exchange knows of its hit. The views are into its arena, or into a HitMemory.
struct RepeatableHit {
  const ServerPlan* server = nullptr;
  const LocationPlan* location = nullptr;
  cache::Key key{}, variant{};  // no variants: an empty one
  std::string_view mark{};      // of the variants (cache_key.h)
  cache::Key copy{};            // what is given instead; else an empty one
  ContentCoding copy_coding = ContentCoding::identity;
  std::uint64_t stored_seq = 0, body_bytes = 0;
  std::int64_t from_ms = 0, until_ms = 0;  // of the wall clock: as long as the head is right
};

class HitMemory {
 public:
  static constexpr std::size_t bytes_max = 4096;
  // Of a body that is given from the store. Larger ones, up to a megabyte, from files alone.
  static constexpr std::uint64_t stored_bytes_max = std::uint64_t{256} * 1024;
  // How often an answer has to come again, before anything in its head moves on, to get a file: to
  // make one costs about what so many save.
  static constexpr std::uint32_t asked_for_file = 16;

  struct Request {
    const ListenPoint& listen;
    bool tls;
    std::string_view bytes;  // of a whole head, and nothing behind it
  };
  struct Remembered {
    RepeatableHit hit{};
    std::string_view head{};  // of the answer
    std::uint32_t asked = 0;  // how often it came again
    std::size_t room = 0;     // for `whole`
    std::string whole{};      // head and body, once they were given; empty: it is not small
    std::shared_ptr<const AnswerFile> file{};  // the same of a large one
    cache::Sighting mark{}, answer{};  // where they were found the last time; mark: of the variants
    bool has_all() const { return !whole.empty() || file != nullptr; }
  };
  // Where the body of the answer is, if what is stored still is the same. Empty: not, or not now.
  static cache::Reader find_again(Remembered& known, std::int64_t now_ms);
  // The same by a look at where it was. Only of answers that are not copies.
  static bool still_stands(const Remembered& known, std::int64_t now_ms);

  HitMemory(std::size_t requests, std::uint64_t file_bytes);
  static std::uint64_t bytes_of(std::uint64_t requests) {
    return requests * (sizeof(Entry) + bytes_max);
  }

  // nullptr: not known. Valid until the next keep().
  Remembered* find(const Request& request);
  void keep(const Request& request, const RepeatableHit& hit, std::string_view head);

  // Head and body, if they are small, in one place for the times to come.
  static void keep_whole(Remembered& known, std::span<const iovec> parts);
  // The same in a file, which is made now if it is time. nullptr: there is none.
  const AnswerFile* file_of(Remembered& known, cache::Reader& body, std::int64_t now_ms);

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint64_t used = 0;  // at which step; 0: never
    const ListenPoint* listen = nullptr;
    bool tls = false;
    std::string bytes{};  // all that the views are into; the request comes first
    std::string_view request{};
    Remembered remembered{};
    bool is(std::uint64_t hash_of, const Request& other) const {
      return hash == hash_of && listen == &other.listen && tls == other.tls &&
             request == other.bytes;
    }
  };
  static constexpr std::size_t ways = 2;
  Entry* set_of(std::uint64_t hash) {
    return entries_.data() + hash % (entries_.size() / ways) * ways;
  }

  void close_outdated(std::int64_t now_ms);

  AnswerFiles files_;
  std::vector<Entry> entries_;
  std::uint64_t step_ = 0;
  std::int64_t closed_at_ms_ = 0;
};

}  // namespace weir
