#pragma once
// The loops behind anisotropic_diffusion. Compiled per instruction set.
//
// Rows are padded: [-1] and all of [n, padded(n)] repeat their ends, so that loops run over whole vectors and the flux
// through the ends is 0. Fluxes are those of the faces between two voxels, towards increasing index.
#include "core/isa.hpp"
#include "filters/anisotropic_diffusion.hpp"
#include "filters/float_rows.hpp"

namespace cormack {

// Factors of differences between neighbours. Gradients are in units of the edge, so that neither a square nor the
// edge's own leaves the range of T.
template <class T>
struct DiffusionFactors {
  T unit[3];    // of the difference of two neighbours, order (z, y, x)
  T across[3];  // of the sum of two differences over two voxels each: unit / 4
  T smallest;   // added to a squared gradient before it divides
  T step[3];    // gradient: time step per voxel size; curvature: step[0] is the time step over the unit's factor
};

// Neighbouring rows; names tell the step in z and y.
template <class T>
struct DiffusionStencil {
  const T *here, *y_before, *y_after, *z_before, *z_after;
};

template <class T>
struct DiffusionRows {
  // Fluxes from row a to row b, which are neighbours along y (axis 1) or z (axis 0), with their neighbours along the
  // third axis: null where that has one voxel.
  void (*faces)(const T* a, const T* a_before, const T* a_after, const T* b, const T* b_before, const T* b_after,
                int axis, const DiffusionFactors<T>& factors, T* flux, std::int64_t n);
  // flux[i] from voxel i to i + 1; flux[-1] = 0.
  void (*faces_x)(const DiffusionStencil<T>& rows, const DiffusionFactors<T>& factors, T* flux, std::int64_t n);
  // flux: (z before, z after, y before, y after, x).
  void (*update)(const DiffusionStencil<T>& rows, const T* const* flux, const DiffusionFactors<T>& factors, T* result,
                 std::int64_t n);
};

// The sum of squared central differences over n voxels, in 16 partial sums that do not depend on the level.
template <class T>
using SquaredGradient = double (*)(const DiffusionStencil<T>& rows, const double* half_scale, std::int64_t n);

template <class T>
struct DiffusionTable {
  DiffusionRows<T> rows[2][2];  // [method][edge]
  SquaredGradient<T> squared_gradient;
};

struct DiffusionTables {
  DiffusionTable<float> f32;
  DiffusionTable<double> f64;

  template <class T>
  const DiffusionTable<T>& get() const {
    if constexpr (std::is_same_v<T, float>) return f32;
    else return f64;
  }
};

CORMACK_TABLE(DiffusionTables, diffusion_tables)

}  // namespace cormack
