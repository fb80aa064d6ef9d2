#include "compression/distillation/register_distillation.h"

#include "compression/distillation/knowledge_distillation.h"
#include "compression/registry.h"

namespace pare::distillation {

void register_distillation() { register_algorithm<KnowledgeDistillation>("knowledge_distillation"); }

}  // namespace pare::distillation
