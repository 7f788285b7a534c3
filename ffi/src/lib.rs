//! The C ABI of lambda-rollout. The member is here so that the workspace has its final shape; it declares nothing yet.
