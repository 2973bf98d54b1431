// SPDX-License-Identifier: Apache-2.0
#include "action/evidence.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "../../support/child_process.hpp"

namespace brink::action {
namespace {

TEST(CollectEvidence, OfALivingProcess) {
    const kernel::Procfs procfs;
    const test::ChildProcess child([](char) {});
    EvidenceRequest request;
    request.pid = child.pid();
    request.start_time = procfs.stat(child.pid())->start_time;
    const ActionOutcome outcome = collect_evidence(procfs, request);
    EXPECT_EQ(outcome.result, "done");
    ASSERT_TRUE(outcome.evidence);
    EXPECT_EQ(outcome.evidence->total, procfs.descriptor_count(child.pid()).value());
    EXPECT_TRUE(outcome.evidence->stack.empty());
    EXPECT_EQ(outcome.evidence->unavailable, "");
}

TEST(CollectEvidence, TellsNothingOfAnotherOwnerOfThePid) {
    const kernel::Procfs procfs;
    const test::ChildProcess child([](char) {});
    EvidenceRequest request;
    request.pid = child.pid();
    request.start_time = procfs.stat(child.pid())->start_time - 1;
    const ActionOutcome outcome = collect_evidence(procfs, request);
    EXPECT_EQ(outcome.result, "failed");
    ASSERT_TRUE(outcome.evidence);
    EXPECT_TRUE(outcome.evidence->items.empty());
    EXPECT_EQ(outcome.detail, "process " + std::to_string(child.pid()) + " is gone");
}

TEST(CollectEvidence, AStackWithoutItsProcessIsBetterThanNothing) {
    auto stack = std::make_unique<brink_stack_record>();
    stack->n_regs = 17;
    stack->regs[16] = 0x1234;
    EvidenceRequest request;
    request.pid = 0x7fffffff;
    request.stack = stack.get();
    const ActionOutcome outcome = collect_evidence(kernel::Procfs(), request);
    EXPECT_EQ(outcome.result, "done");
    EXPECT_NE(outcome.detail.find("is gone; stack: no symbols"), std::string::npos)
        << outcome.detail;
}

}  // namespace
}  // namespace brink::action
