// tests/processes/methods.h: the methods that are trained in one process and in several.

#ifndef PARE_TESTS_PROCESSES_METHODS_H_
#define PARE_TESTS_PROCESSES_METHODS_H_

namespace pare::tests {

struct Method {
  const char* name;
  const char* compression;  // the config's "compression"
  // How far weights may be apart in the end, as a share of the greatest: sums in another order differ in their last
  // bits, and a rounding makes a step of a quantizer of such a bit.
  double tolerance = 1e-4;
  // Batch norms train with the batch's statistics, which are then those of all processes' parts.
  bool trains_batch_norm = false;
};

constexpr Method kMethods[] = {
    {"int8", R"({"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 50},
                 "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}}})",
     2e-3},
    {"int8_staged", R"({"algorithm": "quantization", "initializer": {"range": {"type": "percentile", "num_init_samples":
                        50}, "batchnorm_adaptation": {"num_bn_adaptation_samples": 50}},
                        "params": {"activations_quant_start_epoch": 0, "weights_quant_start_epoch": 1}})",
     2e-3},
    {"asymmetric_int4", R"({"algorithm": "quantization", "weights": {"bits": 4}, "activations": {"mode": "asymmetric"},
                            "initializer": {"range": {"type": "mean_percentile", "num_init_samples": 50},
                            "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}}})",
     2e-2},
    {"hawq", R"({"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 50},
                 "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}, "precision": {"type": "hawq", "bits": [4, 8],
                 "compression_ratio": 1.5, "iter_number": 10, "num_data_points": 16}}})",
     2e-2},
    {"magnitude", R"({"algorithm": "magnitude_sparsity", "params": {"sparsity_target": 0.5, "sparsity_target_epoch":
                      1}})"},
    {"rb", R"({"algorithm": "rb_sparsity", "compression_lr_multiplier": 100, "params": {"sparsity_target": 0.5,
               "sparsity_target_epoch": 1, "sparsity_freeze_epoch": 3}})"},
    {"n_of_m", R"({"algorithm": "n_of_m_sparsity", "params": {"n": 2, "m": 4}})"},
    {"movement", R"({"algorithm": "movement_sparsity", "params": {"warmup_start_epoch": 1, "warmup_end_epoch": 2,
                     "importance_regularization_factor": 0.05}})"},
    {"const", R"({"algorithm": "const_sparsity"})"},
    {"pruning",
     R"({"algorithm": "filter_pruning", "params": {"schedule": "exponential", "round_to": 1, "pruning_target": 0.3,
                    "pruning_steps": 1}})"},
    {"ranked_pruning", R"({"algorithm": "filter_pruning", "params": {"schedule": "baseline", "pruning_flops_target":
                           0.2, "round_to": 1, "interlayer_ranking_type": "learned_ranking", "legr_params":
                           {"generations": 3, "population": 3, "sample": 2, "train_steps": 2, "max_pruning": 0.3}}})",
     1e-3},
    {"binarization", R"({"algorithm": "binarization", "mode": "xnor", "ignored_scopes": ["conv1"]})", 2e-2},
    {"distillation", R"([{"algorithm": "magnitude_sparsity", "params": {"sparsity_target": 0.5,
                          "sparsity_target_epoch": 0}}, {"algorithm": "knowledge_distillation", "type": "softmax"}])",
     1e-4},
    // Nothing here is at a threshold, where a last bit decides. The statistics of small batches make more of such bits
    // with every step: losses are the same to 1e-7 in the first one, and to 5e-5 in the twelfth.
    {"batch_norm", R"({"algorithm": "knowledge_distillation", "type": "softmax"})", 2e-2, true},
    {"int8_rb", R"([{"algorithm": "rb_sparsity", "compression_lr_multiplier": 100, "params": {"sparsity_target": 0.5,
                     "sparsity_target_epoch": 1, "sparsity_freeze_epoch": 3}}, {"algorithm": "quantization",
                     "initializer": {"range": {"num_init_samples": 50}, "batchnorm_adaptation":
                     {"num_bn_adaptation_samples": 0}}}])",
     2e-3},
};

}  // namespace pare::tests

#endif  // PARE_TESTS_PROCESSES_METHODS_H_
