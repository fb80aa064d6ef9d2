// compression/distillation/distillation_loss.h: how far a compressed network's answers are from the original's.
//
//   softmax   scale T^2 mean over the batch of -sum over classes of softmax(teacher / T) log softmax(student / T)
//             (Hinton et al. 2015, arXiv:1503.02531, section 2: T^2 keeps gradients of one size at every temperature)
//   mse       scale mean over all numbers of (student - teacher)^2
// T: the temperature. Classes are dimension 1.

#ifndef PARE_COMPRESSION_DISTILLATION_DISTILLATION_LOSS_H_
#define PARE_COMPRESSION_DISTILLATION_DISTILLATION_LOSS_H_

#include <memory>
#include <optional>

#include "compression/distillation/distillation_probe.h"
#include "graph/model.h"
#include "losses/compression_loss.h"

namespace pare::distillation {

enum class DistillationKind { kSoftmax, kMse };

struct DistillationOptions {
  DistillationKind kind = DistillationKind::kSoftmax;
  double scale = 1.0;
  double temperature = 1.0;
};

// The formulas above; differentiable by `student`. Throws c10::Error if the shapes differ.
at::Tensor distillation_loss(const at::Tensor& student, const at::Tensor& teacher, const DistillationOptions& options);

class DistillationLoss : public CompressionLoss {
 public:
  // `probe` sees what the student gets and gives, `teacher` runs in evaluation mode and without gradients.
  DistillationLoss(std::shared_ptr<DistillationProbe> probe, std::unique_ptr<graph::Model> teacher,
                   const DistillationOptions& options);

  // Of the student's last forward() in training mode; nothing, if there was none since the last call. Throws
  // c10::Error with the teacher's error if it fails.
  at::Tensor forward() override;
  void set_sample_weight(double weight) override { sample_weight_ = weight; }
  // "distillation_loss": the last one, of several processes this one's.
  Statistics statistics() const override;

  graph::Model& teacher() { return *teacher_; }

  // The last loss, for statistics and checkpoints; nullopt: there was none yet.
  std::optional<double> last() const;
  void set_last(std::optional<double> last);

 private:
  std::shared_ptr<DistillationProbe> probe_;
  std::unique_ptr<graph::Model> teacher_;
  DistillationOptions options_;
  double sample_weight_ = 1.0;
  at::Tensor last_;  // read only when asked for: reading it at once would wait for a GPU
};

}  // namespace pare::distillation

#endif  // PARE_COMPRESSION_DISTILLATION_DISTILLATION_LOSS_H_
