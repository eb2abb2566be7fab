#include "core/isa.hpp"

#include <atomic>
#include <stdexcept>

namespace cormack {
namespace {

#if defined(__x86_64__) && defined(__GNUC__)
// The features are listed because clang 14 and 16 reject __builtin_cpu_supports("x86-64-v3").
Isa best_isa() {
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                  __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  return v4 ? Isa::v4 : v3 ? Isa::v3 : Isa::v2;
}
#elif defined(_M_X64)
Isa best_isa() { return Isa::v2; }
#else
Isa best_isa() { return Isa::base; }
#endif

std::atomic<Isa>& active() {
  static std::atomic<Isa> value{best_isa()};
  return value;
}

}  // namespace

Isa active_isa() noexcept { return active().load(std::memory_order_relaxed); }

const char* isa_name(Isa isa) noexcept {
  switch (isa) {
    case Isa::v4:
      return "v4";
    case Isa::v3:
      return "v3";
    case Isa::v2:
      return "v2";
    case Isa::base:
      break;
  }
  return "base";
}

std::vector<std::string> available_isas() {
  const Isa best = best_isa();
  if (best == Isa::base) return {"base"};
  std::vector<std::string> names;
  for (Isa isa : {Isa::v2, Isa::v3, Isa::v4}) {
    if (isa <= best) names.emplace_back(isa_name(isa));
  }
  return names;
}

void use_isa(const std::string& name) {
  std::string accepted;
  for (const std::string& candidate : available_isas()) {
    accepted += (accepted.empty() ? "" : ", ") + candidate;
    if (candidate != name) continue;
    for (Isa isa : {Isa::base, Isa::v2, Isa::v3, Isa::v4}) {
      if (name == isa_name(isa)) active().store(isa, std::memory_order_relaxed);
    }
    return;
  }
  throw std::invalid_argument("instruction set must be one of those this processor runs (" + accepted + "), got '" +
                              name + "'");
}

}  // namespace cormack
