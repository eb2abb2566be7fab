#pragma once
// Choice of instruction set. Every *.isa.cpp is compiled once per level with CORMACK_ISA = v2 | v3 | v4 (x86-64
// micro-architecture levels) or base (any other processor), and fills tables of function pointers in namespace
// cormack::CORMACK_ISA. CORMACK_TABLE declares a table and the function that picks the active one.
#include <string>
#include <vector>

namespace cormack {

enum class Isa : int { base = 0, v2 = 2, v3 = 3, v4 = 4 };

Isa active_isa() noexcept;
const char* isa_name(Isa isa) noexcept;
std::vector<std::string> available_isas();  // what this processor runs, lowest first
void use_isa(const std::string& name);      // throws std::invalid_argument for a level that cannot run here

}  // namespace cormack

#if defined(__x86_64__) || defined(_M_X64)
#define CORMACK_TABLE(Type, name)      \
  namespace v2 {                       \
  extern const Type name;              \
  }                                    \
  namespace v3 {                       \
  extern const Type name;              \
  }                                    \
  namespace v4 {                       \
  extern const Type name;              \
  }                                    \
  inline const Type& name() noexcept { \
    switch (::cormack::active_isa()) { \
      case ::cormack::Isa::v4:         \
        return v4::name;               \
      case ::cormack::Isa::v3:         \
        return v3::name;               \
      default:                         \
        return v2::name;               \
    }                                  \
  }
#else
#define CORMACK_TABLE(Type, name) \
  namespace base {                \
  extern const Type name;         \
  }                               \
  inline const Type& name() noexcept { return base::name; }
#endif
