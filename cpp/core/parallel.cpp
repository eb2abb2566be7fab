#include "core/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace cormack {
namespace {

// About 20 microseconds: calls that follow each other closely find the workers awake.
constexpr int kSpins = 1000;
constexpr int kMaxWorkers = 256;

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

struct Job {
  RangeFunction function;
  void* context;
  std::int64_t count;
  std::int64_t grain;
  std::atomic<std::int64_t> next{0};
  std::mutex error_mutex{};
  std::exception_ptr error{};
  // Guarded by Pool::mutex: seats left for workers, and workers that sit on one.
  int seats = 0;
  int seated = 0;

  void work() {
    for (;;) {
      const std::int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= count) return;
      try {
        function(context, begin, std::min(count, begin + grain));
      } catch (...) {
        const std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
        next.store(count, std::memory_order_relaxed);
      }
    }
  }
};

thread_local bool inside_parallel_for = false;

class Pool {
 public:
  // Workers that do not wake in time are not waited for: only those that took a seat are.
  void run(Job& job, int helpers) {
    {
      const std::lock_guard lock(mutex_);
      try {
        for (; threads_ < helpers; ++threads_) std::thread([this] { serve(); }).detach();
      } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
        // No thread or no memory for one to be had: those that exist, and the caller, do the work.
      }
      job.seats = helpers;
      job_ = &job;
      epoch_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    job.work();
    std::unique_lock lock(mutex_);
    job_ = nullptr;
    job.seats = 0;
    for (int spin = 0; job.seated > 0 && spin < kSpins; ++spin) {
      lock.unlock();
      pause_briefly();
      lock.lock();
    }
    done_.wait(lock, [&] { return job.seated == 0; });
  }

 private:
  void serve() {
    inside_parallel_for = true;
    std::uint64_t seen = 0;
    for (;;) {
      for (int spin = 0; spin < kSpins && epoch_.load(std::memory_order_acquire) == seen; ++spin) pause_briefly();
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return epoch_.load(std::memory_order_relaxed) != seen; });
      seen = epoch_.load(std::memory_order_relaxed);
      Job* job = job_;
      if (job == nullptr || job->seats == 0) continue;
      --job->seats;
      ++job->seated;
      lock.unlock();
      job->work();
      lock.lock();
      if (--job->seated == 0) done_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::atomic<std::uint64_t> epoch_{0};
  Job* job_ = nullptr;
  int threads_ = 0;
};

std::atomic<int> requested_threads{0};
std::mutex pool_mutex;
// Never freed: its threads may outlive static destruction.
Pool* pool = nullptr;

#if defined(__unix__) || defined(__APPLE__)
// A forked child has none of its parent's threads, and perhaps its locks in a locked state: it starts anew.
void start_anew_after_fork() {
  pool = nullptr;
  new (&pool_mutex) std::mutex;
  inside_parallel_for = false;
}
#endif

int usable_processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

int get_num_threads() noexcept {
  const int count = requested_threads.load(std::memory_order_relaxed);
  if (count > 0) return count;
  static const int usable = usable_processors();
  return usable;
}

void set_num_threads(int count) noexcept {
  requested_threads.store(std::clamp(count, 0, kMaxWorkers), std::memory_order_relaxed);
}

void parallel_for(std::int64_t count, std::int64_t grain, int workers, RangeFunction function, void* context) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(1, grain);
  const std::int64_t ranges = (count + grain - 1) / grain;
  const int threads = std::min(workers > 0 ? workers : get_num_threads(), kMaxWorkers);
  std::unique_lock<std::mutex> lock;
  if (threads > 1 && ranges > 1 && !inside_parallel_for) lock = std::unique_lock(pool_mutex, std::try_to_lock);
  if (!lock.owns_lock()) {
    function(context, 0, count);
    return;
  }
  if (pool == nullptr) {
    pool = new Pool;
#if defined(__unix__) || defined(__APPLE__)
    static const int registered = pthread_atfork(nullptr, nullptr, start_anew_after_fork);
    (void)registered;
#endif
  }
  Job job{function, context, count, grain};
  inside_parallel_for = true;
  pool->run(job, static_cast<int>(std::min<std::int64_t>(threads, ranges)) - 1);
  inside_parallel_for = false;
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace cormack
