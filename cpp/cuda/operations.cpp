#include "cuda/operations.hpp"

namespace cormack::device {

namespace plans {
#define CORMACK_DECLARE(name) void name(Plan& plan);
CORMACK_OPERATIONS(CORMACK_DECLARE)
}  // namespace plans

void plan_operation(std::string_view operation, Plan& plan) {
#define CORMACK_TRY(name) \
  if (operation == #name) return plans::name(plan);
  CORMACK_OPERATIONS(CORMACK_TRY)
  throw std::invalid_argument("cormack: no operation called " + std::string(operation));
}

}  // namespace cormack::device
